#include "common/json/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

#include "common/base/status.h"

namespace nestor::json {
namespace {

constexpr int kMostDepth = 64;
constexpr unsigned kFlags = rapidjson::kParseInsituFlag | rapidjson::kParseValidateEncodingFlag |
                            rapidjson::kParseFullPrecisionFlag | rapidjson::kParseIterativeFlag;

struct Place {
  size_t line = 1, column = 1;
};

Place PlaceOf(std::string_view text, size_t offset) {
  Place place;
  for (size_t i = 0; i < std::min(offset, text.size()); ++i) {
    if (text[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

absl::Status ErrorAt(std::string_view text, size_t offset, std::string_view what) {
  const Place place = PlaceOf(text, offset);
  return Error(absl::StatusCode::kInvalidArgument, "line {}, column {}: {}", place.line,
               place.column, what);
}

// The offset of the bracket that opens the level beyond the limit, or npos. One pass, since a
// document that is only deep must not reach code that recurses over it.
size_t TooDeepAt(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMostDepth) return i;
    } else if (c == '}' || c == ']') {
      --depth;
    }
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
  if (text.find('\0') != std::string::npos) {
    return ErrorAt(text, text.find('\0'), "a NUL byte");
  }
  if (const size_t deep = TooDeepAt(text); deep != std::string_view::npos) {
    return ErrorAt(text, deep, fmt::format("nested more than {} deep", kMostDepth));
  }
  Document document;
  *document.text_ = std::move(text);
  document.document_->ParseInsitu<kFlags>(document.text_->data());
  if (document.document_->HasParseError()) {
    // The text was taken apart in place, but nothing behind the error was touched, and what is
    // before it has kept its line breaks unless a string held one, which is not JSON.
    return ErrorAt(*document.text_, document.document_->GetErrorOffset(),
                   rapidjson::GetParseError_En(document.document_->GetParseError()));
  }
  return document;
}

absl::StatusOr<Document> ParseCommented(std::string text) {
  if (const size_t open = BlankComments(text); open != std::string_view::npos) {
    return ErrorAt(text, open, "this comment is not closed");
  }
  return Parse(std::move(text));
}

std::string Write(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

const Value* Find(const Value& value, std::string_view name) {
  if (!value.IsObject()) return nullptr;
  for (const auto& member : value.GetObject()) {
    if (Text(member.name) == name) return &member.value;
  }
  return nullptr;
}

std::string_view FindString(const Value& value, std::string_view name,
                            std::string_view otherwise) {
  const Value* found = Find(value, name);
  return found != nullptr && found->IsString() ? Text(*found) : otherwise;
}

}  // namespace nestor::json
