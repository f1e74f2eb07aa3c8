#include "common/kea/command.h"

#include "common/base/status.h"

namespace nestor::kea {

std::string CommandText(std::string_view command, std::string_view arguments,
                        size_t* prefix_bytes) {
  std::string text = "{\"command\":";
  json::AppendString(command, text);
  if (!arguments.empty()) {
    text += ",\"arguments\":";
    if (prefix_bytes != nullptr) *prefix_bytes = text.size();
    text += arguments;
  }
  text += '}';
  return text;
}

absl::StatusOr<Answer> ParseAnswer(std::string text) {
  const auto bad = [](std::string_view what) {
    return Error(absl::StatusCode::kDataLoss, "Kea's answer cannot be read: {}", what);
  };
  auto document = json::ParseKea(std::move(text));
  if (!document.ok()) return bad(Message(document.status()));
  Answer answer;
  answer.whole = *std::move(document);
  if (answer.whole.root().IsArray()) {
    if (answer.whole.root().Size() != 1) return bad("a list of other than one answer");
    json::Value only = std::move(answer.whole.root()[0]);
    answer.whole.root() = std::move(only);
  }
  const json::Value* result = json::Find(answer.whole.root(), "result");
  if (result == nullptr || !result->IsInt()) return bad("it has no result");
  answer.result = result->GetInt();
  answer.text = json::FindString(answer.whole.root(), "text");
  return answer;
}

}  // namespace nestor::kea
