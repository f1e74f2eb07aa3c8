#include "common/protocol/tree_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_protocol/configurations.h"

namespace nestor::protocol {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

SetPtr Reservations(int first, int last) {
  auto set = std::make_shared<config::ObjectSet>();
  for (int i = first; i < last; ++i) {
    set->Put({config::Kind::kReservation, fmt::format("1/hw-address/{:012x}", i)},
             fmt::format(R"({{"ip-address":"10.{}.{}.{}"}})", i >> 16, (i >> 8) & 255, i & 255));
  }
  (void)set->Digest();
  return set;
}

// Walks to the end; the number of questions.
int Walk(TreeWalk& walk, const config::ObjectSet& remote, size_t max_bytes = 512 << 10) {
  int questions = 0;
  while (auto request = walk.Next()) {
    auto reply = AnswerTree(*request, remote, 7, max_bytes);
    EXPECT_TRUE(reply.ok()) << reply.status();
    const absl::Status taken = walk.Take(*reply);
    EXPECT_TRUE(taken.ok()) << taken;
    if (!taken.ok()) break;
    ++questions;
  }
  return questions;
}

void ExpectEqualAfter(const TreeWalk& walk, const config::ObjectSet& remote) {
  config::ObjectSet result = walk.local();
  config::Apply(walk.change(), result);
  EXPECT_EQ(result.Digest(), remote.Digest());
}

class TreeWalkTest : public ::testing::Test {
 protected:
  // Asks the root of `remote_` and, if it is told to, the kind that differs.
  v1::TreeReply ReplyToNext() { return *AnswerTree(*walk_.Next(), *remote_, 7); }

  SetPtr remote_ = Subnets({1, 2, 3});
  TreeWalk walk_{Subnets({1, 2}), 100};
};

TEST_F(TreeWalkTest, EqualConfigurationsTakeOneQuestion) {
  TreeWalk walk(remote_, 1);
  EXPECT_EQ(Walk(walk, *remote_), 1);
  EXPECT_TRUE(walk.done());
  EXPECT_TRUE(walk.change().empty());
  EXPECT_EQ(walk.sequence(), 7u);
}

TEST_F(TreeWalkTest, OneObjectAmongThousandsTakesThreeQuestions) {
  const SetPtr local = Reservations(0, 20'000);
  auto remote = std::make_shared<config::ObjectSet>(*local);
  remote->Put({config::Kind::kReservation, "1/hw-address/0000000003e8"}, "{}");
  TreeWalk walk(local, 1);
  EXPECT_EQ(Walk(walk, *remote), 3);
  ASSERT_EQ(walk.change().size(), 1u);
  EXPECT_EQ(walk.change().upserted[0].json, "{}");
}

TEST_F(TreeWalkTest, FindsWhatIsOnlyHereOnlyThereAndDifferent) {
  const SetPtr remote = Subnets({1, 2, 4}, 60);
  TreeWalk walk(Subnets({2, 3}), 1);
  Walk(walk, *remote);
  ExpectEqualAfter(walk, *remote);
  EXPECT_THAT(walk.change().removed, ElementsAre(Subnet(3)));
  EXPECT_EQ(walk.change().upserted.size(), 3u);
}

TEST_F(TreeWalkTest, EmptyAgainstFullBothWays) {
  const SetPtr full = Reservations(0, 3000), empty = Subnets({});
  TreeWalk filling(empty, 1), emptying(full, 1);
  Walk(filling, *full);
  ExpectEqualAfter(filling, *full);
  Walk(emptying, *empty);
  ExpectEqualAfter(emptying, *empty);
}

TEST_F(TreeWalkTest, LargeBucketsComeInPages) {
  const SetPtr remote = Reservations(0, 3000);
  TreeWalk walk(Subnets({}), 1);
  EXPECT_GT(Walk(walk, *remote, 100), 3000 / 4);
  ExpectEqualAfter(walk, *remote);
}

TEST_F(TreeWalkTest, RequestIdsCountUp) {
  EXPECT_EQ(walk_.Next()->request_id(), 100u);
  EXPECT_FALSE(walk_.Next().has_value()) << "one question at a time";
}

TEST_F(TreeWalkTest, AReplyThatIsNotAwaitedDoesNothing) {
  v1::TreeReply reply = ReplyToNext();
  reply.set_request_id(99);
  EXPECT_FALSE(walk_.Awaits(reply));
  EXPECT_TRUE(walk_.Take(reply).ok());
  EXPECT_FALSE(walk_.Next().has_value());
  EXPECT_FALSE(walk_.done());
}

TEST_F(TreeWalkTest, ARemoteThatMovesAbortsTheWalk) {
  ASSERT_TRUE(walk_.Take(ReplyToNext()).ok());
  v1::TreeReply moved = ReplyToNext();
  moved.set_sequence(8);
  EXPECT_TRUE(absl::IsAborted(walk_.Take(moved)));
}

TEST_F(TreeWalkTest, ManyDifferingBucketsAreLeftToASnapshot) {
  SetPtr remote = Reservations(0, 5000);
  auto more = std::make_shared<config::ObjectSet>(*remote);
  for (int i = 0; i < 5000; ++i) {
    more->Put(Subnet(i), "{}");
    more->Put({config::Kind::kClientClass, fmt::format("c{}", i)}, "{}");
  }
  TreeWalk walk(Subnets({}), 1), patient(Subnets({}), 1, TreeWalk::kAllBuckets);
  absl::Status status;
  while (auto request = walk.Next()) {
    status = walk.Take(*AnswerTree(*request, *more, 7));
    if (!status.ok()) break;
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  Walk(patient, *more);
  ExpectEqualAfter(patient, *more);
}

// -- replies that cannot be right

TEST_F(TreeWalkTest, ARootOfOtherKindsIsRefused) {
  const v1::TreeReply right = ReplyToNext();
  std::vector<v1::TreeReply> wrong(5, right);
  wrong[0].add_nodes()->set_key("subnet");
  wrong[1].mutable_nodes()->RemoveLast();
  wrong[2].mutable_nodes(0)->set_key("nonsense");
  wrong[3].mutable_nodes(0)->set_key(wrong[3].nodes(1).key());
  for (int i = 0; i < 100'000; ++i) *wrong[4].add_nodes() = right.nodes(0);
  for (const v1::TreeReply& reply : wrong) {
    EXPECT_TRUE(absl::IsInvalidArgument(walk_.Take(reply)));
  }
  EXPECT_TRUE(walk_.Take(right).ok());
}

TEST_F(TreeWalkTest, AReplyAboutAnotherNodeIsRefused) {
  v1::TreeReply reply = ReplyToNext();
  reply.set_kind("subnet");
  EXPECT_TRUE(absl::IsInvalidArgument(walk_.Take(reply)));
  reply.clear_kind();
  reply.set_bucket(3);
  EXPECT_TRUE(absl::IsInvalidArgument(walk_.Take(reply)));
}

TEST_F(TreeWalkTest, AKindOfOtherBucketsIsRefused) {
  ASSERT_TRUE(walk_.Take(ReplyToNext()).ok());
  v1::TreeReply kind = ReplyToNext();
  kind.add_nodes();
  EXPECT_TRUE(absl::IsInvalidArgument(walk_.Take(kind)));
}

TEST_F(TreeWalkTest, ObjectsOutOfPlaceAreRefused) {
  ASSERT_TRUE(walk_.Take(ReplyToNext()).ok());
  ASSERT_TRUE(walk_.Take(ReplyToNext()).ok());
  const v1::TreeReply bucket = ReplyToNext();
  ASSERT_EQ(bucket.objects_size(), 1);
  v1::TreeReply other = bucket, twice = bucket, endless = bucket;
  other.mutable_objects(0)->set_key("4");
  *twice.add_objects() = twice.objects(0);
  endless.clear_objects();
  endless.set_more(true);
  TreeWalk at = walk_;
  EXPECT_TRUE(absl::IsInvalidArgument(at.Take(other)));
  at = walk_;
  EXPECT_TRUE(absl::IsInvalidArgument(at.Take(twice)));
  at = walk_;
  EXPECT_TRUE(absl::IsInvalidArgument(at.Take(endless)));
  EXPECT_TRUE(walk_.Take(bucket).ok());
}

TEST_F(TreeWalkTest, TextsThatAreNotCanonicalJsonAreRefused) {
  ASSERT_TRUE(walk_.Take(ReplyToNext()).ok());
  ASSERT_TRUE(walk_.Take(ReplyToNext()).ok());
  const v1::TreeReply bucket = ReplyToNext();
  for (const char* text : {"", "{", "{ }", "{\"b\":1,\"a\":1}"}) {
    v1::TreeReply spoilt = bucket;
    spoilt.mutable_objects(0)->set_object(text);
    TreeWalk at = walk_;
    EXPECT_TRUE(absl::IsInvalidArgument(at.Take(spoilt))) << text;
  }
}

TEST_F(TreeWalkTest, ThereIsNoNodeBeyondTheTree) {
  for (const auto& [kind, bucket] :
       {std::pair{"nonsense", -1}, {"subnet", -2}, {"subnet", 256}, {"subnet", 1 << 30}}) {
    v1::TreeRequest request;
    request.set_kind(kind);
    request.set_bucket(bucket);
    EXPECT_TRUE(absl::IsInvalidArgument(AnswerTree(request, *remote_, 1).status()));
  }
}

}  // namespace
}  // namespace nestor::protocol
