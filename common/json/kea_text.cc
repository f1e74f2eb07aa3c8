// JSON as Kea writes and reads it.

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/json/json.h"
#include "common/json/wide.h"

namespace nestor::json {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The offset behind the string that begins with the quote at `quote`.
size_t BehindString(std::string_view text, size_t quote) {
  size_t i = quote + 1;
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

// True for the '.' of "1e+20.0".
bool IsPointBehindExponent(std::string_view text, size_t point) {
  size_t i = point;
  while (i > 0 && IsDigit(text[i - 1])) --i;
  if (i == point || i < 3 || (text[i - 1] != '+' && text[i - 1] != '-')) return false;
  return text[i - 2] == 'e' && IsDigit(text[i - 3]) && text.substr(point, 2) == ".0";
}

// Blanks the ".0" out that Kea puts behind exponents.
void MendExponents(std::string& text) {
  size_t point = text.find('.');
  while (point != std::string::npos && !IsPointBehindExponent(text, point)) {
    point = text.find('.', point + 1);
  }
  if (point == std::string::npos) return;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      i = BehindString(text, i) - 1;
    } else if (text[i] == '.' && IsPointBehindExponent(text, i)) {
      text.replace(i, 2, "  ");
    }
  }
}

void AppendByte(int byte, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
}

// A string value, its characters as bytes. False: one of them is none.
bool AppendBytes(std::string_view string, std::string& out) {
  bool all = true;
  for (size_t i = 0; i < string.size(); ++i) {
    const auto c = static_cast<unsigned char>(string[i]);
    if ((c == 0xc2 || c == 0xc3) && i + 1 < string.size()) {
      const int byte = ((c & 3) << 6) | (static_cast<unsigned char>(string[++i]) & 0x3f);
      AppendByte(byte, out);
    } else {
      all = all && c < 0x80;
      out += string[i];
    }
  }
  return all;
}

// Calls `take` with each piece of `text`, and whether it is a string value.
template <typename Take>
void ForEachPiece(std::string_view text, const Take& take) {
  for (size_t i = 0; i < text.size();) {
    const size_t quote = std::min(text.find('"', i), text.size());
    take(text.substr(i, quote - i), false);
    i = quote == text.size() ? quote : BehindString(text, quote);
    const size_t next = std::min(text.find_first_not_of(" \t\r\n", i), text.size());
    take(text.substr(quote, i - quote), next == text.size() || text[next] != ':');
  }
}

}  // namespace

absl::StatusOr<Document> ParseKeaFile(std::string text) {
  if (IsAscii(text)) return ParseCommented(std::move(text));
  RETURN_IF_ERROR(RemoveComments(text));
  std::string escaped;
  ForEachPiece(text, [&](std::string_view piece, bool is_value) {
    for (const char c : piece) {
      const auto byte = static_cast<unsigned char>(c);
      if (is_value && byte >= 0x80) {
        AppendByte(byte, escaped);
      } else {
        escaped += c;
      }
    }
  });
  return Parse(std::move(escaped));
}

absl::StatusOr<Document> ParseKea(std::string text) {
  MendExponents(text);
  return Parse(std::move(text));
}

bool AppendForKea(std::string_view text, std::string& out) {
  if (IsAscii(text)) {
    out += text;
    return true;
  }
  bool all = true;
  ForEachPiece(text, [&](std::string_view piece, bool is_value) {
    if (is_value) {
      all = AppendBytes(piece, out) && all;
    } else {
      out += piece;
    }
  });
  return all;
}

std::string Write(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  std::string text;
  text.reserve(buffer.GetSize());
  AppendForKea({buffer.GetString(), buffer.GetSize()}, text);
  return text;
}

}  // namespace nestor::json
