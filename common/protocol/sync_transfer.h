#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nestor/v1/envelope.pb.h"

namespace nestor::protocol {

inline constexpr size_t kChunkBytes = size_t{256} << 10;
inline constexpr uint32_t kCreditChunks = 8;
// No payload may unpack to more: a bound on what a peer can make this agent hold.
inline constexpr uint64_t kMaxPayload = uint64_t{256} << 20;

// Packs with zstd, level 1.
std::string Pack(std::string_view payload);
// DataLoss: damaged. ResourceExhausted: it unpacks to more than `max_bytes`.
absl::StatusOr<std::string> Unpack(std::string_view packed, uint64_t unpacked_bytes,
                                   uint64_t max_bytes = kMaxPayload);
// The same as a parser reads it, a piece at a time: it ends early where it is damaged, and after
// `unpacked_bytes` in any case. `packed` must outlive it.
std::unique_ptr<google::protobuf::io::ZeroCopyInputStream> Unpacking(std::string_view packed,
                                                                     uint64_t unpacked_bytes);

// A payload ready to be sent to any number of followers, with the change it holds up to.
struct Transfer {
  v1::Join mode = v1::SNAPSHOT;
  uint64_t label = 0;        // sequence
  std::string label_digest;  // 32 bytes
  uint64_t unpacked_bytes = 0;
  std::string packed;
  std::string sha256;  // of packed, 32 bytes
};

// Packs `payload` into a Transfer.
std::shared_ptr<const Transfer> MakeTransfer(v1::Join mode, uint64_t label,
                                             std::string_view label_digest,
                                             std::string_view payload);

// Sends one Transfer to one follower, as far as its credit goes.
class SyncSender {
 public:
  // Goes on at chunk `next_chunk`; a fresh transfer starts at 0.
  SyncSender(uint64_t nonce, std::shared_ptr<const Transfer> transfer, uint32_t next_chunk,
             uint32_t credit);

  uint64_t nonce() const { return nonce_; }
  const Transfer& transfer() const { return *transfer_; }
  uint32_t chunks() const;
  bool finished() const { return ended_; }

  v1::SyncBegin Begin() const;
  void AddCredit(uint32_t chunks);
  // Goes back, or on, to `index`, with `credit` anew: the follower asked again.
  void Resume(uint32_t index, uint32_t credit);
  // The next chunk that credit allows, without moving on; nothing: wait, or all are sent.
  std::optional<v1::Chunk> Next() const;
  // The chunk of Next() was handed to the socket.
  void Sent();
  // True once after the last chunk: SyncEnd is due.
  bool EndDue() const { return !ended_ && next_ == chunks(); }
  void Ended() { ended_ = true; }

 private:
  uint64_t nonce_;
  std::shared_ptr<const Transfer> transfer_;
  uint32_t next_;
  uint32_t credit_;
  bool ended_ = false;
};

// Collects one Transfer. Nothing of it is believed before the hash was right.
class SyncReceiver {
 public:
  explicit SyncReceiver(uint64_t nonce) : nonce_(nonce) {}

  uint64_t nonce() const { return nonce_; }
  bool begun() const { return begun_; }
  uint32_t next_chunk() const { return next_; }
  // All chunks are there; whether they are right, Finish() tells.
  bool complete() const { return begun_ && next_ == chunks_; }
  v1::Join mode() const { return mode_; }
  uint64_t label() const { return label_; }
  const std::string& label_digest() const { return label_digest_; }

  // Errors (InvalidArgument, ResourceExhausted) mean: give this transfer up and ask anew.
  absl::Status Begin(const v1::Envelope& envelope);
  // True: it was the next one, so credit for one more is due. Repeated chunks are ignored.
  absl::StatusOr<bool> Add(const v1::Chunk& chunk);
  // DataLoss: a chunk is missing or the hash is wrong.
  absl::Status Finish() const;
  // After Finish(): the payload, unpacked as it is read. This receiver must outlive it.
  std::unique_ptr<google::protobuf::io::ZeroCopyInputStream> Payload() const {
    return Unpacking(packed_, unpacked_bytes_);
  }
  uint64_t unpacked_bytes() const { return unpacked_bytes_; }

 private:
  uint64_t nonce_;
  bool begun_ = false;
  v1::Join mode_ = v1::JOIN_UNSPECIFIED;
  uint64_t label_ = 0;
  std::string label_digest_;
  uint64_t bytes_ = 0, unpacked_bytes_ = 0;
  uint32_t chunks_ = 0, next_ = 0;
  std::string sha256_;
  std::string packed_;
};

}  // namespace nestor::protocol
