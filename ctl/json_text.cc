#include "ctl/json_text.h"

#include <absl/strings/escaping.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "common/json/json.h"

namespace nestor::ctl {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

bool HoldsJson(const FieldDescriptor& field) {
  const std::string& name = field.full_name();
  return name == "nestor.v1.Object.object" || name == "nestor.v1.Difference.primary" ||
         name == "nestor.v1.Difference.secondary" || name == "nestor.v1.ObjectChange.before" ||
         name == "nestor.v1.ObjectChange.after" || name == "nestor.v1.ObjectConflict.before" ||
         name == "nestor.v1.ObjectConflict.now" || name == "nestor.v1.ObjectConflict.after" ||
         name == "nestor.v1.DraftChange.before" || name == "nestor.v1.DraftChange.after" ||
         name == "nestor.v1.Tested.ha" || name == "nestor.v1.Tested.multi_threading";
}

// Turns what protobuf wrote for a message into what JsonText() promises. Must live as long as what
// it turned is read.
class Straightener {
 public:
  Straightener(json::Document& document, Objects objects)
      : allocator_(document.allocator()), objects_(objects) {}

  void Message(const Descriptor& type, json::Value& value) {
    if (!value.IsObject()) return;  // a Timestamp is a string
    // By number: clang 14 finds no one comparison of RapidJSON's iterators.
    for (std::ptrdiff_t i = 0; i < std::ptrdiff_t{value.MemberCount()}; ++i) {
      auto& member = *(value.MemberBegin() + i);
      const FieldDescriptor* field = type.FindFieldByName(std::string(json::Text(member.name)));
      if (field == nullptr) continue;
      if (!member.value.IsArray()) {
        Field(*field, member.value);
        continue;
      }
      for (json::Value& element : member.value.GetArray()) Field(*field, element);
    }
  }

 private:
  void Field(const FieldDescriptor& field, json::Value& value) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Message(*field.message_type(), value);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
      uint64_t number = 0;
      if (absl::SimpleAtoi(value.GetString(), &number)) value.SetUint64(number);
    } else if (field.type() == FieldDescriptor::TYPE_BYTES) {
      std::string bytes;
      if (absl::Base64Unescape(value.GetString(), &bytes)) {
        value.SetString(absl::BytesToHexString(bytes), allocator_);
      }
    } else if (objects_ == Objects::kAsJson && HoldsJson(field)) {
      Embed(value);
    }
  }

  // What is no JSON stays the text it is.
  void Embed(json::Value& value) {
    auto object = json::Parse(std::string(json::Text(value)));
    if (!object.ok()) return;
    embedded_.push_back(*std::move(object));
    value.CopyFrom(embedded_.back().root(), allocator_);
  }

  rapidjson::Document::AllocatorType& allocator_;
  const Objects objects_;
  std::vector<json::Document> embedded_;  // strings of the result point into these
};

std::string Quoted(std::string_view text) {
  std::string quoted;
  json::AppendString(text, quoted);
  return quoted;
}

const FieldDescriptor* BodyOf(const v1::Envelope& envelope) {
  const auto* body = v1::Envelope::descriptor()->FindOneofByName("body");
  return envelope.GetReflection()->GetOneofFieldDescriptor(envelope, body);
}

}  // namespace

std::string JsonText(const google::protobuf::Message& message, Objects objects) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  // Fails only for messages of types that are not linked in.
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return "{}";
  auto document = json::Parse(text);
  if (!document.ok()) return text;
  Straightener straightener(*document, objects);
  straightener.Message(*message.GetDescriptor(), document->root());
  return json::Write(document->root());
}

std::string EventKind(const v1::Envelope& envelope) {
  switch (envelope.body_case()) {
    case v1::Envelope::kChange:
    case v1::Envelope::kHeartbeat:
    case v1::Envelope::kState:
    case v1::Envelope::kLease:
      return BodyOf(envelope)->name();
    case v1::Envelope::kAckEvent:
      return "ack";
    default:
      return "";
  }
}

std::string JsonText(const v1::WatchEvent& event) {
  const v1::Envelope& envelope = event.envelope();
  const std::string kind = EventKind(envelope);
  std::string text = fmt::format(
      R"({{"topic":{},"relationship":{},"service":{},"term":{},"sequence":{},"time":{},"kind":{})",
      Quoted(event.topic()), Quoted(envelope.relationship()),
      Quoted(envelope.service() == v1::DHCP6 ? "dhcp6" : "dhcp4"), envelope.term(),
      envelope.sequence(), Quoted(google::protobuf::util::TimeUtil::ToString(envelope.time())),
      Quoted(kind));
  if (!kind.empty()) {
    const google::protobuf::Message& body =
        envelope.GetReflection()->GetMessage(envelope, BodyOf(envelope));
    text += fmt::format(",{}:{}", Quoted(kind), JsonText(body, Objects::kAsJson));
  }
  return text + '}';
}

}  // namespace nestor::ctl
