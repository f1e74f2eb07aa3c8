#include "common/agent/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "common/base/status.h"

namespace nestor::agent {
namespace {

std::string_view TypeName(const json::Value& value) {
  if (value.IsObject()) return "an object";
  if (value.IsArray()) return "a list";
  if (value.IsString()) return "a string";
  if (value.IsNumber()) return "a number";
  return value.IsNull() ? "null" : "true or false";
}

// How many characters to put in, leave out or change to get from `a` to `b`.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

// What to write in place of `name`, for the end of a sentence. `known` is not empty.
std::string Advice(std::string_view name, const std::vector<std::string_view>& known) {
  constexpr size_t kLongestName = 64;  // far beyond any name there is
  if (name.size() <= kLongestName) {
    const auto nearest = *std::min_element(known.begin(), known.end(), [&](auto one, auto other) {
      return EditDistance(name, one) < EditDistance(name, other);
    });
    if (EditDistance(name, nearest) <= std::max(name.size(), nearest.size()) / 2) {
      return fmt::format("did you mean \"{}\"?", nearest);
    }
  }
  return fmt::format("known here: {}", fmt::join(known, ", "));
}

}  // namespace

absl::Status Section::ErrorAt(size_t offset, std::string_view what) const {
  const std::string_view before = text_.substr(0, offset);
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return Error(absl::StatusCode::kInvalidArgument, "line {}, column {}: {}",
               std::count(before.begin(), before.end(), '\n') + 1, before.size() - line_start + 1,
               what);
}

absl::Status Section::Missing(std::string_view name, std::string_view hint) const {
  return ErrorHere(fmt::format("{}\"{}\" is missing{}{}",
                               path_.empty() ? "" : fmt::format("in \"{}\", ", path_), name,
                               hint.empty() ? "" : ": ", hint));
}

absl::Status Section::CheckNames(const std::vector<std::string_view>& known) const {
  for (const auto& member : object_->GetObject()) {
    const std::string_view name = json::Text(member.name);
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return ErrorAt(document_->OffsetOf(member.name),
                   fmt::format("{}unknown name \"{}\"; {}",
                               path_.empty() ? "" : fmt::format("in \"{}\", ", path_), name,
                               Advice(name, known)));
  }
  return absl::OkStatus();
}

const json::Value* Section::NameOf(std::string_view name) const {
  for (const auto& member : object_->GetObject()) {
    if (json::Text(member.name) == name) return &member.name;
  }
  return nullptr;
}

absl::StatusOr<Section> Section::Outermost(const json::Document& document, std::string_view text,
                                           const std::vector<std::string_view>& known) {
  Section section(document, text, document.root(), "", 0);
  if (!document.root().IsObject()) {
    return section.ErrorHere(fmt::format("the configuration is {}; it must be an object, {{...}}",
                                         TypeName(document.root())));
  }
  RETURN_IF_ERROR(section.CheckNames(known));
  return section;
}

absl::StatusOr<std::optional<Section>> Section::Find(
    std::string_view name, const std::vector<std::string_view>& known) const {
  const json::Value* found = json::Find(*object_, name);
  if (found == nullptr) return std::nullopt;
  const size_t offset = document_->OffsetOf(*NameOf(name));
  if (!found->IsObject()) {
    return ErrorAt(
        offset, fmt::format("\"{}\" is {}; it must be an object, {{...}}", name, TypeName(*found)));
  }
  Section section(*document_, text_, *found,
                  path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name), offset);
  RETURN_IF_ERROR(section.CheckNames(known));
  return section;
}

absl::StatusOr<Section> Section::Required(std::string_view name,
                                          const std::vector<std::string_view>& known) const {
  ASSIGN_OR_RETURN(std::optional<Section> section, Find(name, known));
  if (!section) return Missing(name);
  return *std::move(section);
}

absl::StatusOr<std::optional<Section::Text>> Section::FindText(std::string_view name) const {
  const json::Value* found = json::Find(*object_, name);
  if (found == nullptr) return std::nullopt;
  if (!found->IsString()) {
    return ErrorAt(document_->OffsetOf(*NameOf(name)),
                   fmt::format("\"{}\" is {}; it must be a string", name, TypeName(*found)));
  }
  return Text{std::string(json::Text(*found)), document_->OffsetOf(*found)};
}

absl::StatusOr<Section::Text> Section::RequiredText(std::string_view name) const {
  ASSIGN_OR_RETURN(std::optional<Text> text, FindText(name));
  if (!text) return Missing(name);
  if (text->value.empty()) return ErrorAt(text->offset, fmt::format("\"{}\" is empty", name));
  return *std::move(text);
}

absl::StatusOr<bool> Section::Flag(std::string_view name) const {
  const json::Value* found = json::Find(*object_, name);
  if (found == nullptr) return false;
  if (found->IsBool()) return found->GetBool();
  return ErrorAt(document_->OffsetOf(*NameOf(name)),
                 fmt::format("\"{}\" is {}; it must be true or false", name, TypeName(*found)));
}

}  // namespace nestor::agent
