#pragma once

#include <absl/status/statusor.h>
#include <rapidjson/document.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nestor::json {

using Value = rapidjson::Value;

// A parsed document together with the text its strings point into. Move-only.
class Document {
 public:
  Document();
  Document(Document&&) noexcept = default;
  Document& operator=(Document&&) noexcept = default;

  const Value& root() const { return *document_; }
  Value& root() { return *document_; }
  // For building new values that live as long as the document.
  rapidjson::Document::AllocatorType& allocator() { return document_->GetAllocator(); }

  // Where in the parsed text the quote stands that begins `string`, a name or a string value of
  // this document as it was parsed.
  size_t OffsetOf(const Value& string) const {
    return static_cast<size_t>(string.GetString() - text_->data()) - 1;
  }

 private:
  friend absl::StatusOr<Document> Parse(std::string text);
  friend absl::StatusOr<Document> ParseCommented(std::string text);
  // On the heap, so that moving a Document leaves the text where the values point.
  std::unique_ptr<std::string> text_;
  std::unique_ptr<rapidjson::Document> document_;
};

// Parses strict JSON in UTF-8. Depth is limited to 64, so that nothing a peer sends can exhaust the
// stack. A name that stands twice in one object is an error: readers disagree on which one counts.
// InvalidArgument: "line L, column C: what is wrong", columns counted in bytes.
absl::StatusOr<Document> Parse(std::string text);

// The same, with `//`, `#` and `/* */` comments, as in Kea's files and the agents' own.
absl::StatusOr<Document> ParseCommented(std::string text);

// Blanks those comments out, so that every position stays what it was. InvalidArgument: one is not
// closed.
absl::Status RemoveComments(std::string& text);

// The same for what Kea writes: it spells 1e+20 as 1e+20.0.
absl::StatusOr<Document> ParseKea(std::string text);

// The same for a file of Kea's, comments and all. A string value beyond ASCII is bytes to Kea, and
// comes out as those that Kea would report: UTF-8 as two characters or more. On a line with such a
// value, an error's column counts each of its bytes six times.
absl::StatusOr<Document> ParseKeaFile(std::string text);

// Appends JSON `text` (without white space) as Kea reads it. A string value of Kea's is bytes,
// which it writes and reads as \u0000 to \u00ff: sent as UTF-8, each of those beyond ASCII would
// come to it as two. The names of members it writes as they are, so these stay UTF-8. False: a
// value has a character beyond U+00FF, which Kea cannot have written; it is appended as UTF-8.
bool AppendForKea(std::string_view text, std::string& out);

// The text of `value`, as Kea reads it, as short as can be, members in the order they have.
std::string Write(const Value& value);

// JSON `text` (without white space) laid out as Kea lays out its files: four spaces a level, a
// list of plain values on one line.
std::string Indented(std::string_view text);

// RFC 8785: members sorted, numbers in their shortest form, no white space. Unlike there, integers
// of up to 64 bits stay exact.
std::string Canonical(const Value& value);
void AppendCanonical(const Value& value, std::string& out);

// How Canonical() may bend a value on the way, without a copy of it.
struct Shape {
  std::vector<std::string_view> without;  // members of the outermost object to leave out
  // A member to add to the outermost object, its value canonical; none if the name is empty.
  std::string_view with_name;
  std::string with_value;
  // May reorder the elements of the array that is the member `name` of an object at any depth,
  // inside a `user-context` excepted: what is in there only its author understands.
  void (*rearrange)(std::string_view name, std::vector<const Value*>& elements) = nullptr;
};
std::string Canonical(const Value& value, const Shape& shape);

// Appends `text` as a JSON string, quotes included, escaped as RFC 8785 says.
void AppendString(std::string_view text, std::string& out);

// `value` with all its strings in `document`, which may outlive the document that it is from.
Value CopyInto(Document& document, const Value& value);

// The member `name` of the object `value`, or nullptr.
const Value* Find(const Value& value, std::string_view name);

Value* Find(Value& value, std::string_view name);

// The text of the string member `name`, or `otherwise`.
std::string_view FindString(const Value& value, std::string_view name,
                            std::string_view otherwise = {});

inline std::string_view Text(const Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

}  // namespace nestor::json
