#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "nestor/v1/operator.pb.h"

namespace nestor::ctl {

// How the JSON texts that a message carries (an object, the two sides of a difference) are written.
enum class Objects {
  kAsText,  // as protobuf has it: a string
  kAsJson,  // as the value they are
};

// `message` as protobuf JSON with the field names of the .proto and all fields that are no
// messages, in one line. Unlike there, 64-bit numbers are numbers and bytes are hexadecimal.
std::string JsonText(const google::protobuf::Message& message, Objects objects);

// An event in one line: {"topic", "relationship", "service", "term", "sequence", "time", "kind"}
// and its body under the name of its kind.
std::string JsonText(const v1::WatchEvent& event);

// "change", "ack", "state", "heartbeat" or "lease"; empty for what is no event.
std::string EventKind(const v1::Envelope& envelope);

}  // namespace nestor::ctl
