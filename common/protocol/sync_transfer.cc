#include "common/protocol/sync_transfer.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "common/base/status.h"
#include "common/config/object_set.h"

namespace nestor::protocol {
namespace {

namespace io = google::protobuf::io;

// Decompresses as much as it is asked for.
class Decompression final : public io::CopyingInputStream {
 public:
  Decompression(std::string_view packed, uint64_t unpacked_bytes)
      : context_(ZSTD_createDStream(), ZSTD_freeDStream),
        in_{packed.data(), packed.size(), 0},
        left_(unpacked_bytes) {}

  int Read(void* buffer, int size) override {
    ZSTD_outBuffer out = {buffer, std::min(static_cast<uint64_t>(size), left_), 0};
    while (out.pos < out.size) {
      const size_t before = out.pos;
      const size_t result = ZSTD_decompressStream(context_.get(), &out, &in_);
      if (ZSTD_isError(result) != 0) return -1;
      if (out.pos == before && in_.pos == in_.size) break;  // cut off
    }
    left_ -= out.pos;
    return static_cast<int>(out.pos);
  }

 private:
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> context_;
  ZSTD_inBuffer in_;
  uint64_t left_;
};

}  // namespace

std::string Pack(std::string_view payload) {
  constexpr int kLevel = 1;  // ten times smaller already, and faster than the network
  constexpr size_t kLarge = size_t{4} << 20;
  const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                   ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  if (payload.size() > kLarge) ZSTD_CCtx_setParameter(context.get(), ZSTD_c_nbWorkers, 2);
  ZSTD_CCtx_setPledgedSrcSize(context.get(), payload.size());
  std::string packed;  // grows, since room for the worst case would be as large as the payload
  std::string piece(ZSTD_CStreamOutSize(), '\0');
  ZSTD_inBuffer in = {payload.data(), payload.size(), 0};
  size_t left = 1;
  while (left != 0 && ZSTD_isError(left) == 0) {
    ZSTD_outBuffer out = {piece.data(), piece.size(), 0};
    left = ZSTD_compressStream2(context.get(), &out, &in, ZSTD_e_end);
    packed.append(piece, 0, out.pos);
  }
  return packed;
}

absl::StatusOr<std::string> Unpack(std::string_view packed, uint64_t unpacked_bytes,
                                   uint64_t max_bytes) {
  if (unpacked_bytes > max_bytes) {
    return Error(absl::StatusCode::kResourceExhausted, "{} bytes announced, at most {}",
                 unpacked_bytes, max_bytes);
  }
  // A damaged size is found before it is made room for.
  std::string payload;
  if (ZSTD_getFrameContentSize(packed.data(), packed.size()) == unpacked_bytes) {
    payload.resize(unpacked_bytes);
    const size_t size =
        ZSTD_decompress(payload.data(), payload.size(), packed.data(), packed.size());
    if (size == unpacked_bytes) return payload;
  }
  return Error(absl::StatusCode::kDataLoss, "the packed payload is damaged");
}

std::unique_ptr<io::ZeroCopyInputStream> Unpacking(std::string_view packed,
                                                   uint64_t unpacked_bytes) {
  constexpr int kPiece = 256 << 10;
  auto stream = std::make_unique<io::CopyingInputStreamAdaptor>(
      new Decompression(packed, unpacked_bytes), kPiece);
  stream->SetOwnsCopyingStream(true);
  return stream;
}

std::shared_ptr<const Transfer> MakeTransfer(v1::Join mode, uint64_t label,
                                             std::string_view label_digest,
                                             std::string_view payload) {
  auto transfer = std::make_shared<Transfer>();
  transfer->mode = mode;
  transfer->label = label;
  transfer->label_digest = label_digest;
  transfer->unpacked_bytes = payload.size();
  transfer->packed = Pack(payload);
  transfer->sha256 = config::Bytes(config::HashOf(transfer->packed));
  return transfer;
}

SyncSender::SyncSender(uint64_t nonce, std::shared_ptr<const Transfer> transfer,
                       uint32_t next_chunk, uint32_t credit)
    : nonce_(nonce), transfer_(std::move(transfer)), next_(0), credit_(0) {
  Resume(next_chunk, credit);
}

uint32_t SyncSender::chunks() const {
  return static_cast<uint32_t>((transfer_->packed.size() + kChunkBytes - 1) / kChunkBytes);
}

v1::SyncBegin SyncSender::Begin() const {
  v1::SyncBegin begin;
  begin.set_nonce(nonce_);
  begin.set_mode(transfer_->mode);
  begin.set_bytes(transfer_->packed.size());
  begin.set_unpacked_bytes(transfer_->unpacked_bytes);
  begin.set_chunks(chunks());
  begin.set_sha256(transfer_->sha256);
  begin.set_codec("zstd");
  return begin;
}

void SyncSender::AddCredit(uint32_t chunks) {
  credit_ = std::min(credit_ + std::min(chunks, kCreditChunks), kCreditChunks);
}

void SyncSender::Resume(uint32_t index, uint32_t credit) {
  next_ = std::min(index, chunks());
  credit_ = std::min(credit, kCreditChunks);
  ended_ = false;
}

std::optional<v1::Chunk> SyncSender::Next() const {
  if (ended_ || credit_ == 0 || next_ >= chunks()) return std::nullopt;
  const size_t offset = size_t{next_} * kChunkBytes;
  v1::Chunk chunk;
  chunk.set_nonce(nonce_);
  chunk.set_index(next_);
  chunk.set_data(transfer_->packed.substr(offset, kChunkBytes));
  return chunk;
}

void SyncSender::Sent() {
  ++next_;
  --credit_;
}

absl::Status SyncReceiver::Begin(const v1::Envelope& envelope) {
  const v1::SyncBegin& begin = envelope.sync_begin();
  const auto refuse = [](std::string_view what) {
    return Error(absl::StatusCode::kInvalidArgument, "transfer refused: {}", what);
  };
  if (begin.codec() != "zstd") return refuse("its codec is unknown");
  if (begin.mode() != v1::SNAPSHOT && begin.mode() != v1::REPLAY) return refuse("no mode");
  if (begin.sha256().size() != 32) return refuse("no hash");
  if (envelope.digest_after().size() != 32) return refuse("no digest");
  if (begin.unpacked_bytes() > kMaxPayload || begin.bytes() > kMaxPayload) {
    return Error(absl::StatusCode::kResourceExhausted,
                 "transfer refused: {} bytes, at most {}; the configuration is too large",
                 begin.unpacked_bytes(), kMaxPayload);
  }
  if (begin.chunks() != (begin.bytes() + kChunkBytes - 1) / kChunkBytes) {
    return refuse("the number of chunks does not fit the size");
  }
  const bool same = begun_ && sha256_ == begin.sha256() && label_ == envelope.sequence();
  if (!same) {
    packed_.clear();
    next_ = 0;
  }
  begun_ = true;
  mode_ = begin.mode();
  label_ = envelope.sequence();
  label_digest_ = envelope.digest_after();
  bytes_ = begin.bytes();
  unpacked_bytes_ = begin.unpacked_bytes();
  chunks_ = begin.chunks();
  sha256_ = begin.sha256();
  return absl::OkStatus();
}

absl::StatusOr<bool> SyncReceiver::Add(const v1::Chunk& chunk) {
  if (!begun_ || chunk.index() < next_) return false;
  if (chunk.index() > next_) {
    return Error(absl::StatusCode::kDataLoss, "chunk {} came where {} was due", chunk.index(),
                 next_);
  }
  if (packed_.size() + chunk.data().size() > bytes_) {
    return Error(absl::StatusCode::kInvalidArgument, "more bytes came than were announced");
  }
  packed_.append(chunk.data());
  ++next_;
  return true;
}

absl::Status SyncReceiver::Finish() const {
  if (!begun_ || next_ != chunks_ || packed_.size() != bytes_) {
    return Error(absl::StatusCode::kDataLoss, "the transfer ended after {} of {} chunks", next_,
                 chunks_);
  }
  if (config::Bytes(config::HashOf(packed_)) != sha256_) {
    return Error(absl::StatusCode::kDataLoss, "the transfer's hash is wrong");
  }
  if (ZSTD_getFrameContentSize(packed_.data(), packed_.size()) != unpacked_bytes_) {
    return Error(absl::StatusCode::kDataLoss, "the transfer has not the size announced");
  }
  return absl::OkStatus();
}

}  // namespace nestor::protocol
