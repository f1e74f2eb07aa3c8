// RFC 8785, the JSON Canonicalization Scheme.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "common/json/json.h"

namespace nestor::json {
namespace {

// The order of UTF-16 code units, which differs from that of bytes only where a character beyond
// the basic plane (surrogates, from U+D800) meets one of U+E000 to U+FFFF (bytes EE and EF).
bool MemberLess(std::string_view a, std::string_view b) {
  const auto [pa, pb] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (pa == a.end() || pb == b.end()) return pa == a.end() && pb != b.end();
  const auto ca = static_cast<unsigned char>(*pa), cb = static_cast<unsigned char>(*pb);
  const bool beyond_a = ca >= 0xf0, beyond_b = cb >= 0xf0;
  if (beyond_a != beyond_b) {
    if (beyond_a && cb >= 0xee) return true;
    if (beyond_b && ca >= 0xee) return false;
  }
  return ca < cb;
}

// ECMAScript's form of a number: the shortest digits that read back the same.
void AppendDouble(double number, std::string& out) {
  if (number == 0) {
    out += '0';
    return;
  }
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(number),
                                 std::chars_format::scientific)
                       .ptr;
  const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  const size_t e = text.find('e');
  std::string digits(text.substr(0, e));
  digits.erase(std::remove(digits.begin(), digits.end(), '.'), digits.end());
  int exponent = 0;
  const size_t sign = text[e + 1] == '+' ? 2 : 1;
  std::from_chars(text.data() + e + sign, text.data() + text.size(), exponent);
  const int point = exponent + 1;  // where the decimal point stands, counted in digits
  const int count = static_cast<int>(digits.size());
  if (number < 0) out += '-';
  if (point > 21 || point < -5) {
    out += digits[0];
    if (count > 1) out.append(".").append(digits, 1);
    out.append(point > 0 ? "e+" : "e-").append(std::to_string(std::abs(point - 1)));
  } else if (point <= 0) {
    out.append("0.").append(static_cast<size_t>(-point), '0').append(digits);
  } else if (point >= count) {
    out.append(digits).append(static_cast<size_t>(point - count), '0');
  } else {
    out.append(digits, 0, static_cast<size_t>(point)).append(".");
    out.append(digits, static_cast<size_t>(point));
  }
}

template <typename Integer>
void AppendInteger(Integer number, std::string& out) {
  std::array<char, 24> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  out.append(buffer.data(), static_cast<size_t>(end - buffer.data()));
}

void Append(const Value& value, std::string& out);

template <typename Values>
void AppendElements(const Values& elements, std::string& out, const auto& append_element) {
  out += '[';
  bool first = true;
  for (const auto& element : elements) {
    if (!std::exchange(first, false)) out += ',';
    append_element(element);
  }
  out += ']';
}

struct Member {
  std::string_view name;
  const Value* value;  // null: the shape's own
};

bool NameLess(const Member& a, const Member& b) { return MemberLess(a.name, b.name); }

void AppendName(std::string_view name, bool first, std::string& out) {
  if (!first) out += ',';
  AppendString(name, out);
  out += ':';
}

void AppendObject(const Value& value, std::string& out) {
  bool sorted = true;
  for (auto member = value.MemberBegin(); member != value.MemberEnd(); ++member) {
    sorted &= member == value.MemberBegin() ||
              MemberLess(Text((member - 1)->name), Text(member->name));
  }
  out += '{';
  bool first = true;
  if (sorted) {
    for (const auto& member : value.GetObject()) {
      AppendName(Text(member.name), std::exchange(first, false), out);
      Append(member.value, out);
    }
  } else {
    std::vector<Member> members;
    members.reserve(value.MemberCount());
    for (const auto& member : value.GetObject()) {
      members.push_back({Text(member.name), &member.value});
    }
    std::sort(members.begin(), members.end(), NameLess);
    for (const Member& member : members) {
      AppendName(member.name, std::exchange(first, false), out);
      Append(*member.value, out);
    }
  }
  out += '}';
}

void Append(const Value& value, std::string& out) {
  switch (value.GetType()) {
    case rapidjson::kNullType: out += "null"; return;
    case rapidjson::kFalseType: out += "false"; return;
    case rapidjson::kTrueType: out += "true"; return;
    case rapidjson::kStringType: return AppendString(Text(value), out);
    case rapidjson::kObjectType: return AppendObject(value, out);
    case rapidjson::kArrayType:
      return AppendElements(value.GetArray(), out,
                            [&](const Value& element) { Append(element, out); });
    case rapidjson::kNumberType:
      // Integers of Kea are exact; RFC 8785 would round those beyond 2^53.
      if (value.IsInt64()) return AppendInteger(value.GetInt64(), out);
      if (value.IsUint64()) return AppendInteger(value.GetUint64(), out);
      return AppendDouble(value.GetDouble(), out);
  }
}

// As above, bent as the shape says.
void AppendShaped(const Value& value, std::string_view name, const Shape& shape, bool outermost,
                  std::string& out) {
  const auto append_array = [&] {
    std::vector<const Value*> elements;
    elements.reserve(value.Size());
    for (const Value& element : value.GetArray()) elements.push_back(&element);
    shape.rearrange(name, elements);
    AppendElements(elements, out, [&](const Value* element) {
      AppendShaped(*element, {}, shape, false, out);
    });
  };
  if (value.IsArray() && shape.rearrange != nullptr && name != "user-context") {
    return append_array();
  }
  if (!value.IsObject() || name == "user-context") return Append(value, out);
  std::vector<Member> members;
  members.reserve(value.MemberCount() + 1);
  for (const auto& member : value.GetObject()) {
    const std::string_view one = Text(member.name);
    const bool left_out = outermost && std::find(shape.without.begin(), shape.without.end(),
                                                 one) != shape.without.end();
    if (!left_out) members.push_back({one, &member.value});
  }
  if (outermost && !shape.with_name.empty()) members.push_back({shape.with_name, nullptr});
  if (!std::is_sorted(members.begin(), members.end(), NameLess)) {
    std::sort(members.begin(), members.end(), NameLess);
  }
  out += '{';
  bool first = true;
  for (const Member& member : members) {
    AppendName(member.name, std::exchange(first, false), out);
    if (member.value == nullptr) {
      out += shape.with_value;
    } else {
      AppendShaped(*member.value, member.name, shape, false, out);
    }
  }
  out += '}';
}

}  // namespace

void AppendString(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  size_t plain = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out.append("\\u00").append(1, kHex[c >> 4]).append(1, kHex[c & 15]);
    }
  }
  out.append(text, plain);
  out += '"';
}

std::string Canonical(const Value& value, const Shape& shape) {
  std::string out;
  AppendShaped(value, {}, shape, true, out);
  return out;
}

void AppendCanonical(const Value& value, std::string& out) { Append(value, out); }

std::string Canonical(const Value& value) {
  std::string out;
  Append(value, out);
  return out;
}

}  // namespace nestor::json
