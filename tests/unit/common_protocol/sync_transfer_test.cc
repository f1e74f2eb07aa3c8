#include "common/protocol/sync_transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/config/object_set.h"
#include "tests/unit/common_protocol/stream_double.h"

namespace nestor::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kNonce = 77;
const std::string kDigest(32, 'd');

// Does not get smaller by packing.
std::string Noise(size_t bytes) {
  std::string noise(bytes, '\0');
  uint64_t state = 88172645463325252u;
  for (char& c : noise) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    c = static_cast<char>(state);
  }
  return noise;
}

std::shared_ptr<const Transfer> TransferOf(std::string_view payload, uint64_t label = 9) {
  return MakeTransfer(v1::SNAPSHOT, label, kDigest, payload);
}

v1::Envelope BeginOf(const v1::SyncBegin& begin, uint64_t label = 9) {
  v1::Envelope envelope;
  envelope.set_sequence(label);
  envelope.set_digest_after(kDigest);
  *envelope.mutable_sync_begin() = begin;
  return envelope;
}

v1::Chunk ChunkOf(uint32_t index, std::string data) {
  v1::Chunk chunk;
  chunk.set_nonce(kNonce);
  chunk.set_index(index);
  chunk.set_data(std::move(data));
  return chunk;
}

std::string All(std::unique_ptr<google::protobuf::io::ZeroCopyInputStream> stream) {
  std::string all;
  const void* piece = nullptr;
  int size = 0;
  while (stream->Next(&piece, &size)) {
    all.append(static_cast<const char*>(piece), static_cast<size_t>(size));
  }
  return all;
}

std::string Received(const SyncReceiver& receiver) {
  const absl::Status status = receiver.Finish();
  EXPECT_TRUE(status.ok()) << status;
  return All(receiver.Payload());
}

// The indices that `sender` can send now.
std::vector<uint32_t> Burst(SyncSender& sender, SyncReceiver* receiver = nullptr) {
  std::vector<uint32_t> indices;
  while (auto chunk = sender.Next()) {
    indices.push_back(chunk->index());
    sender.Sent();
    if (receiver != nullptr) {
      EXPECT_TRUE(receiver->Add(*chunk).value_or(false));
    }
  }
  return indices;
}

class TransferTest : public ::testing::Test {
 protected:
  const std::string payload_ = Noise(11 * kChunkBytes);  // packed: twelve chunks
  std::shared_ptr<const Transfer> transfer_ = TransferOf(payload_);
  SyncSender sender_{kNonce, transfer_, 0, kCreditChunks};
  SyncReceiver receiver_{kNonce};
};

TEST_F(TransferTest, SendsNoMoreThanCreditAllows) {
  EXPECT_EQ(sender_.chunks(), 12u);
  EXPECT_THAT(Burst(sender_), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_FALSE(sender_.EndDue());
  sender_.AddCredit(1);
  EXPECT_THAT(Burst(sender_), ElementsAre(8));
}

TEST_F(TransferTest, CreditNeverGrowsPastItsBound) {
  (void)Burst(sender_);
  sender_.AddCredit(~uint32_t{0});
  sender_.AddCredit(~uint32_t{0});
  EXPECT_THAT(Burst(sender_), ElementsAre(8, 9, 10, 11));
  SyncSender greedy(kNonce, transfer_, 0, 1'000'000);
  EXPECT_EQ(Burst(greedy).size(), kCreditChunks);
}

TEST_F(TransferTest, WhatWasSentArrives) {
  ASSERT_TRUE(receiver_.Begin(BeginOf(sender_.Begin())).ok());
  (void)Burst(sender_, &receiver_);
  EXPECT_FALSE(receiver_.complete());
  sender_.AddCredit(8);
  (void)Burst(sender_, &receiver_);
  EXPECT_TRUE(sender_.EndDue());
  EXPECT_TRUE(receiver_.complete());
  EXPECT_EQ(receiver_.label(), 9u);
  EXPECT_EQ(receiver_.label_digest(), kDigest);
  EXPECT_EQ(Received(receiver_), payload_);
}

TEST_F(TransferTest, AnEmptyPayloadIsATransferToo) {
  SyncSender sender(kNonce, TransferOf(""), 0, kCreditChunks);
  ASSERT_TRUE(receiver_.Begin(BeginOf(sender.Begin())).ok());
  (void)Burst(sender, &receiver_);
  EXPECT_EQ(Received(receiver_), "");
}

TEST_F(TransferTest, ARetryGoesOnWhereItBrokeOff) {
  ASSERT_TRUE(receiver_.Begin(BeginOf(sender_.Begin())).ok());
  (void)Burst(sender_, &receiver_);
  sender_.Resume(receiver_.next_chunk(), kCreditChunks);
  ASSERT_TRUE(receiver_.Begin(BeginOf(sender_.Begin())).ok());
  EXPECT_THAT(Burst(sender_, &receiver_), ElementsAre(8, 9, 10, 11));
  EXPECT_TRUE(receiver_.Finish().ok());
}

TEST_F(TransferTest, AnEndedTransferIsResumed) {
  (void)Burst(sender_);
  sender_.AddCredit(8);
  (void)Burst(sender_);
  sender_.Ended();
  EXPECT_TRUE(sender_.finished());
  sender_.Resume(10, 8);
  EXPECT_FALSE(sender_.finished());
  EXPECT_THAT(Burst(sender_), ElementsAre(10, 11));
  EXPECT_TRUE(sender_.EndDue());
}

TEST_F(TransferTest, AResumeBeyondTheEndSendsNothing) {
  sender_.Resume(~uint32_t{0}, 8);
  EXPECT_FALSE(sender_.Next().has_value());
  EXPECT_TRUE(sender_.EndDue());
}

TEST_F(TransferTest, AnotherContentUnderTheSameNonceBeginsFromTheFirstChunk) {
  ASSERT_TRUE(receiver_.Begin(BeginOf(sender_.Begin())).ok());
  (void)Burst(sender_, &receiver_);
  const std::string other = Noise(3 * kChunkBytes) + "!";
  SyncSender restarted(kNonce, TransferOf(other, 10), 0, kCreditChunks);
  ASSERT_TRUE(receiver_.Begin(BeginOf(restarted.Begin(), 10)).ok());
  EXPECT_EQ(receiver_.next_chunk(), 0u);
  (void)Burst(restarted, &receiver_);
  EXPECT_EQ(receiver_.label(), 10u);
  EXPECT_EQ(Received(receiver_), other);
}

TEST_F(TransferTest, ChunksThatCameBeforeAreIgnored) {
  ASSERT_TRUE(receiver_.Begin(BeginOf(sender_.Begin())).ok());
  (void)Burst(sender_, &receiver_);
  const auto again = receiver_.Add(ChunkOf(3, "other"));
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(*again);
  EXPECT_EQ(receiver_.next_chunk(), 8u);
}

TEST_F(TransferTest, AChunkOutOfTurnIsDataLoss) {
  ASSERT_TRUE(receiver_.Begin(BeginOf(sender_.Begin())).ok());
  for (const uint32_t index : {1u, 12u, ~0u}) {
    EXPECT_TRUE(absl::IsDataLoss(receiver_.Add(ChunkOf(index, "x")).status()));
  }
}

TEST_F(TransferTest, AChunkBeforeTheBeginIsIgnored) {
  const auto added = receiver_.Add(ChunkOf(0, "x"));
  ASSERT_TRUE(added.ok());
  EXPECT_FALSE(*added);
}

TEST_F(TransferTest, MoreBytesThanAnnouncedAreRefused) {
  ASSERT_TRUE(receiver_.Begin(BeginOf(sender_.Begin())).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(
      receiver_.Add(ChunkOf(0, std::string(transfer_->packed.size() + 1, 'x'))).status()));
}

TEST_F(TransferTest, NothingIsBelievedBeforeTheHashIsRight) {
  ASSERT_TRUE(receiver_.Begin(BeginOf(sender_.Begin())).ok());
  EXPECT_TRUE(absl::IsDataLoss(receiver_.Finish()));
  SyncReceiver damaged(kNonce);
  ASSERT_TRUE(damaged.Begin(BeginOf(sender_.Begin())).ok());
  for (uint32_t i = 0; i < 12; ++i) {
    std::string data = transfer_->packed.substr(i * kChunkBytes, kChunkBytes);
    if (i == 7) data[100] ^= 1;
    ASSERT_TRUE(damaged.Add(ChunkOf(i, std::move(data))).ok());
  }
  EXPECT_THAT(std::string(Message(damaged.Finish())), HasSubstr("hash is wrong"));
}

TEST_F(TransferTest, WhatUnpacksToAnotherSizeIsDamaged) {
  for (const uint64_t size : {uint64_t{0}, payload_.size() - 1, payload_.size() + 1}) {
    EXPECT_TRUE(absl::IsDataLoss(Unpack(transfer_->packed, size).status())) << size;
  }
  EXPECT_TRUE(absl::IsDataLoss(Unpack("no zstd", 10).status()));
  EXPECT_EQ(All(Unpacking("no zstd", 10)), "");
  EXPECT_TRUE(absl::IsResourceExhausted(Unpack(transfer_->packed, payload_.size(), 100).status()));
}

TEST_F(TransferTest, WhatIsUnpackedInPiecesEndsWhereItIsCutOffOrEnough) {
  const std::string& packed = transfer_->packed;
  EXPECT_EQ(All(Unpacking(packed, payload_.size())), payload_);
  EXPECT_EQ(All(Unpacking(packed, 1000)), payload_.substr(0, 1000));
  EXPECT_EQ(All(Unpacking(packed, payload_.size() + 1)), payload_);
  const std::string part = All(Unpacking(packed.substr(0, packed.size() / 2), payload_.size()));
  EXPECT_LT(part.size(), payload_.size());
  EXPECT_EQ(part, payload_.substr(0, part.size()));
}

TEST_F(TransferTest, AnotherSizeThanAnnouncedIsDataLoss) {
  v1::SyncBegin begin = sender_.Begin();
  begin.set_unpacked_bytes(begin.unpacked_bytes() - 1);
  ASSERT_TRUE(receiver_.Begin(BeginOf(begin)).ok());
  (void)Burst(sender_, &receiver_);
  sender_.AddCredit(8);
  (void)Burst(sender_, &receiver_);
  EXPECT_TRUE(absl::IsDataLoss(receiver_.Finish()));
}

TEST_F(TransferTest, ABeginThatCannotBeRightIsRefused) {
  const auto refused = [&](auto spoil) {
    v1::Envelope envelope = BeginOf(sender_.Begin());
    spoil(envelope, *envelope.mutable_sync_begin());
    return SyncReceiver(kNonce).Begin(envelope);
  };
  EXPECT_TRUE(absl::IsInvalidArgument(refused([](auto&, auto& b) { b.set_codec("lzma"); })));
  EXPECT_TRUE(absl::IsInvalidArgument(refused([](auto&, auto& b) { b.set_mode(v1::CONTINUE); })));
  EXPECT_TRUE(absl::IsInvalidArgument(refused([](auto&, auto& b) { b.set_sha256("short"); })));
  EXPECT_TRUE(absl::IsInvalidArgument(refused([](auto& e, auto&) { e.clear_digest_after(); })));
  EXPECT_TRUE(absl::IsInvalidArgument(refused([](auto&, auto& b) { b.set_chunks(11); })));
  EXPECT_TRUE(absl::IsInvalidArgument(refused([](auto&, auto& b) { b.set_chunks(~0u); })));
  EXPECT_TRUE(absl::IsResourceExhausted(
      refused([](auto&, auto& b) { b.set_unpacked_bytes(kMaxPayload + 1); })));
  EXPECT_TRUE(absl::IsResourceExhausted(refused([](auto&, auto& b) {
    b.set_bytes(~uint64_t{0});
    b.set_chunks(0);
  })));
}

}  // namespace
}  // namespace nestor::protocol
