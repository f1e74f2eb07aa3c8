#include "common/json/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/json/wide.h"

namespace nestor::json {
namespace {

constexpr size_t kMostDepth = 64;
constexpr size_t kLongestCharacter = 4;  // in bytes of UTF-8
// Numbers are converted here: for a long row of zeros RapidJSON 1.1 reads beyond a table.
constexpr unsigned kFlags = rapidjson::kParseInsituFlag | rapidjson::kParseNumbersAsStringsFlag;
constexpr unsigned kValidate = rapidjson::kParseValidateEncodingFlag;

// Where the lines of a text begin, kept because the text is taken apart while it is parsed.
class Lines {
 public:
  explicit Lines(std::string_view text) {
    for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
      starts_.push_back(at + 1);
    }
  }

  absl::Status ErrorAt(size_t offset, std::string_view what) const {
    const auto line = std::upper_bound(starts_.begin(), starts_.end(), offset);
    const size_t start = line == starts_.begin() ? 0 : *(line - 1);
    return Error(absl::StatusCode::kInvalidArgument, "line {}, column {}: {}",
                 line - starts_.begin() + 1, offset - start + 1, what);
  }

 private:
  std::vector<size_t> starts_;
};

// The number that `text` is as a whole, or nullopt.
template <typename Number>
std::optional<Number> WholeAs(std::string_view text) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && behind == end ? std::optional(number) : std::nullopt;
}

// Hands what the reader finds on to a document, and stops it at what RapidJSON would let pass. The
// depth is checked before the reader descends, so that its recursion is bounded.
class Checked {
 public:
  Checked(rapidjson::Document& document, const char* text) : document_(document), text_(text) {}

  bool Null() { return document_.Null(); }
  bool Bool(bool b) { return document_.Bool(b); }
  bool RawNumber(const char* s, rapidjson::SizeType n, bool) {
    const std::string_view text(s, n);
    if (const auto integer = WholeAs<int64_t>(text)) return document_.Int64(*integer);
    if (const auto integer = WholeAs<uint64_t>(text)) return document_.Uint64(*integer);
    if (const auto real = WholeAs<double>(text)) return document_.Double(*real);
    return Stop(static_cast<size_t>(s - text_), "a number beyond what a double holds");
  }
  // Never: all numbers come as text.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool String(const char* s, rapidjson::SizeType n, bool copy) {
    return document_.String(s, n, copy);
  }
  bool StartObject() {
    objects_.push_back({names_.size(), 0});
    return Deeper() && document_.StartObject();
  }
  bool Key(const char* s, rapidjson::SizeType n, bool copy) {
    const std::string_view name(s, n);
    // One bit for each sort of name met: only where it is set already are names compared.
    const uint64_t bit = uint64_t{1}
                         << ((n * 7 + (n == 0 ? 0u
                                              : static_cast<unsigned char>(s[0]) +
                                                    3u * static_cast<unsigned char>(s[n - 1]))) &
                             63);
    Level& level = objects_.back();
    if ((level.met & bit) != 0) {
      const auto first = names_.begin() + static_cast<std::ptrdiff_t>(level.first_name);
      if (std::find(first, names_.end(), name) != names_.end()) {
        return Stop(static_cast<size_t>(s - text_) - 1,
                    fmt::format("the name \"{}\" stands twice in one object", name));
      }
    }
    level.met |= bit;
    names_.push_back(name);
    return document_.Key(s, n, copy);
  }
  bool EndObject(rapidjson::SizeType n) {
    names_.resize(objects_.back().first_name);
    objects_.pop_back();
    --depth_;
    return document_.EndObject(n);
  }
  bool StartArray() { return Deeper() && document_.StartArray(); }
  bool EndArray(rapidjson::SizeType n) {
    --depth_;
    return document_.EndArray(n);
  }

  // What stopped the reader, and where unless the reader knows better; empty: not this.
  const std::string& stopped() const { return stopped_; }
  std::optional<size_t> stopped_at() const { return stopped_at_; }

 private:
  struct Level {
    size_t first_name;
    uint64_t met;
  };

  bool Deeper() {
    if (++depth_ <= kMostDepth) return true;
    return Stop(std::nullopt, fmt::format("nested more than {} deep", kMostDepth));
  }
  bool Stop(std::optional<size_t> at, std::string what) {
    stopped_at_ = at;
    stopped_ = std::move(what);
    return false;
  }

  rapidjson::Document& document_;
  const char* text_;
  size_t depth_ = 0;
  std::vector<Level> objects_;
  std::vector<std::string_view> names_;  // of all open objects
  std::string stopped_;
  std::optional<size_t> stopped_at_;
};

// The code unit that the text's "\uXXXX" at `at` escapes; nullopt: there is none.
std::optional<unsigned> EscapedUnit(std::string_view text, size_t at) {
  if (text.size() < at + 6 || text.substr(at, 2) != "\\u") return std::nullopt;
  unsigned unit = 0;
  const char* const end = text.data() + at + 6;
  const auto [behind, error] = std::from_chars(text.data() + at + 2, end, unit, 16);
  return error == std::errc() && behind == end ? std::optional(unit) : std::nullopt;
}

// The offset of an escape that is the second half of a pair without the first, or npos; RapidJSON
// finds the other way round only.
size_t HalfPairAt(std::string_view text) {
  for (size_t i = text.find('\\'); i < text.size(); i = text.find('\\', i)) {
    const auto unit = EscapedUnit(text, i);
    const auto next = EscapedUnit(text, i + 6);
    if (unit && *unit >= 0xdc00 && *unit <= 0xdfff) return i;
    const bool pair = unit && *unit >= 0xd800 && *unit <= 0xdbff && next && *next >= 0xdc00;
    i += pair ? 12 : unit ? 6 : 2;
  }
  return std::string_view::npos;
}

// Blanks comments out, so that every position stays what it was. The offset of a comment that is
// not closed, or npos.
size_t BlankComments(std::string& text) {
  const auto blank = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      if (text[i] != '\n') text[i] = ' ';
    }
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
      }
    } else if (text[i] == '#' || text.compare(i, 2, "//") == 0) {
      const size_t end = std::min(text.find('\n', i), text.size());
      blank(i, end);
      i = end;
    } else if (text.compare(i, 2, "/*") == 0) {
      const size_t end = text.find("*/", i + 2);
      if (end == std::string::npos) return i;
      blank(i, end + 2);
      i = end + 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace

Document::Document()
    : text_(std::make_unique<std::string>()), document_(std::make_unique<rapidjson::Document>()) {}

absl::StatusOr<Document> Parse(std::string text) {
  const Lines lines(text);
  if (const size_t nul = text.find('\0'); nul != std::string::npos) {
    return lines.ErrorAt(nul, "a NUL byte");
  }
  if (const size_t half = HalfPairAt(text); half != std::string::npos) {
    return lines.ErrorAt(half, "half a surrogate pair");
  }
  const bool ascii = IsAscii(text);
  // The reader takes the bytes of a character without looking for the end of the text.
  if (!ascii) text.append(kLongestCharacter, '\0');
  Document document;
  *document.text_ = std::move(text);
  Checked checked(*document.document_, document.text_->data());
  rapidjson::Reader reader;
  const auto read = [&](rapidjson::Document&) {
    rapidjson::InsituStringStream stream(document.text_->data());
    return !(ascii ? reader.Parse<kFlags>(stream, checked)
                   : reader.Parse<kFlags | kValidate>(stream, checked))
                .IsError();
  };
  document.document_->Populate(read);
  if (!reader.HasParseError()) return document;
  if (checked.stopped().empty()) {
    return lines.ErrorAt(reader.GetErrorOffset(),
                         rapidjson::GetParseError_En(reader.GetParseErrorCode()));
  }
  // The reader is one behind the bracket it was stopped at.
  const size_t at = checked.stopped_at().value_or(std::max<size_t>(reader.GetErrorOffset(), 1) - 1);
  return lines.ErrorAt(at, checked.stopped());
}

absl::Status RemoveComments(std::string& text) {
  const size_t open = BlankComments(text);
  if (open == std::string_view::npos) return absl::OkStatus();
  return Lines(text).ErrorAt(open, "this comment is not closed");
}

absl::StatusOr<Document> ParseCommented(std::string text) {
  RETURN_IF_ERROR(RemoveComments(text));
  return Parse(std::move(text));
}

Value CopyInto(Document& document, const Value& value) {
  auto& memory = document.allocator();
  if (value.IsString()) return Value(value.GetString(), value.GetStringLength(), memory);
  if (value.IsArray()) {
    Value copy(rapidjson::kArrayType);
    copy.Reserve(value.Size(), memory);
    for (const Value& element : value.GetArray()) {
      copy.PushBack(CopyInto(document, element), memory);
    }
    return copy;
  }
  if (value.IsObject()) {
    Value copy(rapidjson::kObjectType);
    for (const auto& member : value.GetObject()) {
      copy.AddMember(CopyInto(document, member.name), CopyInto(document, member.value), memory);
    }
    return copy;
  }
  return Value(value, memory);
}

const Value* Find(const Value& value, std::string_view name) {
  if (!value.IsObject()) return nullptr;
  for (const auto& member : value.GetObject()) {
    if (Text(member.name) == name) return &member.value;
  }
  return nullptr;
}

Value* Find(Value& value, std::string_view name) {
  return const_cast<Value*>(Find(std::as_const(value), name));
}

std::string_view FindString(const Value& value, std::string_view name, std::string_view otherwise) {
  const Value* found = Find(value, name);
  return found != nullptr && found->IsString() ? Text(*found) : otherwise;
}

}  // namespace nestor::json
