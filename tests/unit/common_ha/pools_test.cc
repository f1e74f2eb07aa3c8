#include "common/ha/pools.h"

#include <gmock/gmock.h>

#include "tests/unit/common_ha/given.h"

namespace nestor::ha {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Subnet `id` with one pool, for clients of `name`, or of all.
void PutSubnet(int id, std::string_view name, config::ObjectSet& set) {
  const std::string its = name.empty() ? "" : fmt::format(R"("client-class":"{}",)", name);
  set.Put(
      {config::Kind::kSubnet, std::to_string(id)},
      Canonical(fmt::format(
          R"({{"id":{0},"subnet":"10.{0}.0.0/16","pools":[{{{1}"pool":"10.{0}.0.1-10.{0}.0.9"}}]}})",
          id, its)));
  (void)set.Digest();
}

class PoolsWatchTest : public ::testing::Test {
 protected:
  config::ObjectSet set_;
  PoolsWatch watch_{k4};
};

TEST_F(PoolsWatchTest, NamesThePoolsThatAreForNoServersClients) {
  PutSubnet(1, "HA_kea-a", set_);
  PutSubnet(2, "phones", set_);
  watch_.Update(set_);
  EXPECT_THAT(watch_.Unsplit(9), IsEmpty());
  EXPECT_TRUE(watch_.Splits());
  PutSubnet(3, "", set_);
  watch_.Update(set_);
  EXPECT_THAT(watch_.Unsplit(9), ElementsAre("10.3.0.1 - 10.3.0.9 in subnet 10.3.0.0/16 (id 3)"));
}

TEST_F(PoolsWatchTest, ForgetsWhatWasSplitOrRemoved) {
  for (const int id : {1, 2, 3}) PutSubnet(id, "", set_);
  watch_.Update(set_);
  EXPECT_THAT(watch_.Unsplit(9), SizeIs(3));
  EXPECT_THAT(watch_.Unsplit(2), SizeIs(2));
  EXPECT_FALSE(watch_.Splits());
  PutSubnet(1, "HA_kea-b", set_);
  set_.Remove({config::Kind::kSubnet, "2"});
  (void)set_.Digest();
  watch_.Update(set_);
  EXPECT_THAT(watch_.Unsplit(9), ElementsAre(HasSubstr("10.3.0.1")));
  EXPECT_TRUE(watch_.Splits());
  set_.Remove({config::Kind::kSubnet, "1"});
  (void)set_.Digest();
  watch_.Update(set_);
  EXPECT_FALSE(watch_.Splits());
}

TEST_F(PoolsWatchTest, SaysAfterEachStepWhatTheWholeSays) {
  for (int step = 0; step < 40; ++step) {
    PutSubnet(1 + step * 7 % 10, step % 3 == 0 ? "" : "HA_kea-a", set_);
    if (step % 5 == 4) {
      set_.Remove({config::Kind::kSubnet, std::to_string(1 + step % 10)});
      (void)set_.Digest();
    }
    watch_.Update(set_);
    EXPECT_THAT(watch_.Unsplit(99),
                ::testing::UnorderedElementsAreArray(UnsplitPools(k4, set_, 99)));
  }
}

}  // namespace
}  // namespace nestor::ha
