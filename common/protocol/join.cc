#include "common/protocol/join.h"

#include <fmt/format.h>

#include "common/protocol/envelope.h"

namespace nestor::protocol {
namespace {

JoinDecision Welcome(v1::Join join) { return {JoinDecision::Kind::kWelcome, join, 0, {}}; }

JoinDecision Fence(std::string text) {
  return {JoinDecision::Kind::kFence, v1::REFUSED, 0, std::move(text)};
}

// The last sequence that `term` can have published, as far as this journal knows; nothing: the
// term is not in it.
std::optional<uint64_t> EndOfTerm(const StreamView& stream, uint64_t term) {
  for (size_t i = 0; i < stream.terms.size(); ++i) {
    if (stream.terms[i].term != term) continue;
    return i + 1 < stream.terms.size() ? stream.terms[i + 1].first_sequence - 1 : stream.head;
  }
  return std::nullopt;
}

// Each start has a term of its own: who has seen it without having been welcomed since has seen
// another start's, and a journal that is no more.
bool SeenElsewhere(const StreamView& stream, const v1::Hello& hello) {
  return hello.highest_term() > stream.term ||
         (hello.highest_term() == stream.term && stream.welcomed != stream.term);
}

JoinDecision FenceOfTermElsewhere(const StreamView& stream, const v1::Hello& hello) {
  return Fence(fmt::format(
      "{} has seen term {} of this stream, this journal is {} term {}: an old copy of the journal "
      "was restored, or another agent publishes; to go on from here: nestorctl resync",
      hello.server(), hello.highest_term(),
      hello.highest_term() > stream.term ? "at" : "only now at", stream.term));
}

JoinDecision FenceOfAnotherStream(const StreamView& stream, const v1::Hello& hello) {
  return Fence(fmt::format(
      "{} follows another stream of term {}, this one is of term {}: two primaries publish for the "
      "same relationship, or an old copy of the journal was restored; stop one of the agents if "
      "there are two, then: nestorctl resync",
      hello.server(), hello.highest_term(), stream.term));
}

// The follower holds nothing of this stream.
JoinDecision JoinOfOtherStream(const StreamView& stream, const v1::Hello& hello) {
  if (hello.witnessed_stream() == stream.stream_id) {
    // Welcomed here before, it has not applied anything of it yet.
    return SeenElsewhere(stream, hello) ? FenceOfTermElsewhere(stream, hello)
                                        : Welcome(v1::SNAPSHOT);
  }
  const bool nothing_known = hello.stream_id().empty() && hello.witnessed_stream().empty();
  if (nothing_known && hello.highest_term() <= stream.term) return Welcome(v1::SNAPSHOT);
  if (stream.followed_since == 0) {
    if (hello.highest_term() < stream.term) return Welcome(v1::SNAPSHOT);
    return {JoinDecision::Kind::kRaiseTerm, v1::JOIN_UNSPECIFIED, hello.highest_term() + 1, {}};
  }
  // Older than this stream, as from a copy of its store; otherwise it took up another stream when
  // this one was there already.
  if (hello.highest_term() < stream.followed_since) return Welcome(v1::SNAPSHOT);
  return FenceOfAnotherStream(stream, hello);
}

JoinDecision JoinOfSameStream(const StreamView& stream, const v1::Hello& hello,
                              std::string_view digest) {
  const std::string position = ChangeName(hello.position_term(), hello.position_sequence());
  const bool welcomed_elsewhere =
      !hello.witnessed_stream().empty() && hello.witnessed_stream() != stream.stream_id;
  // No stream is taken up again after another: this journal is a copy from before that one.
  if (welcomed_elsewhere) return FenceOfAnotherStream(stream, hello);
  if (SeenElsewhere(stream, hello)) return FenceOfTermElsewhere(stream, hello);
  const auto end = EndOfTerm(stream, hello.position_term());
  if (hello.position_sequence() > stream.head || (end && hello.position_sequence() > *end)) {
    return Fence(fmt::format(
        "{} holds change {}, which this journal does not: an old copy of it was restored; to go "
        "on from here: nestorctl resync",
        hello.server(), position));
  }
  if (!end) return Welcome(v1::SNAPSHOT);
  if (hello.position_sequence() == stream.head) {
    if (!digest.empty() && digest != stream.head_digest) {
      return Fence(fmt::format(
          "{} holds change {} with another content than this journal; to go on from here: "
          "nestorctl resync",
          hello.server(), position));
    }
    return Welcome(v1::CONTINUE);
  }
  return Welcome(hello.position_sequence() + 1 < stream.lowest ? v1::SNAPSHOT : v1::REPLAY);
}

}  // namespace

JoinDecision DecideJoin(const StreamView& stream, const v1::Hello& hello, std::string_view digest) {
  if (hello.stream_id().empty() && hello.highest_term() == 0) return Welcome(v1::SNAPSHOT);
  if (hello.stream_id() != stream.stream_id) return JoinOfOtherStream(stream, hello);
  return JoinOfSameStream(stream, hello, digest);
}

}  // namespace nestor::protocol
