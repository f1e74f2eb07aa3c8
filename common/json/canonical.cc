// RFC 8785, the JSON Canonicalization Scheme.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "common/json/json.h"
#include "common/json/wide.h"

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

// A text being written. Configurations are written object by object, each into the same memory, so
// that a text is given out at its size and nothing is grown on the way.
class Sheet {
 public:
  Sheet& operator<<(char c) {
    Need(1);
    *at_++ = c;
    return *this;
  }
  Sheet& operator<<(std::string_view text) {
    Need(text.size());
    at_ = std::copy(text.begin(), text.end(), at_);
    return *this;
  }
  // Where `most` bytes may be written; Wrote() says up to where they were.
  char* Room(size_t most) {
    Need(most);
    return at_;
  }
  void Wrote(char* end) { at_ = end; }

  void Clear() { at_ = memory_.data(); }
  std::string_view text() const {
    return {memory_.data(), static_cast<size_t>(at_ - memory_.data())};
  }

 private:
  void Need(size_t bytes) {
    const size_t used = text().size();
    if (memory_.size() - used >= bytes) return;
    memory_.resize(std::max(2 * memory_.size(), used + bytes + 1024));
    at_ = memory_.data() + used;
  }

  std::vector<char> memory_;
  char* at_ = nullptr;
};

// The thread's one sheet, empty; what is larger than a usual object's text is not kept.
Sheet& CleanSheet() {
  constexpr size_t kKept = 1 << 20;
  static thread_local Sheet sheet;
  if (sheet.text().size() > kKept) sheet = Sheet();
  sheet.Clear();
  return sheet;
}

// ECMAScript's form of a number: the shortest digits that read back the same.
void Put(double number, Sheet& out) {
  if (number == 0) {
    out << '0';
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
  const std::string_view all(digits);
  if (number < 0) out << '-';
  if (point > 21 || point < -5) {
    out << all[0];
    if (count > 1) out << '.' << all.substr(1);
    out << (point > 0 ? "e+" : "e-") << std::to_string(std::abs(point - 1));
  } else if (point <= 0) {
    out << "0." << std::string(static_cast<size_t>(-point), '0') << all;
  } else if (point >= count) {
    out << all << std::string(static_cast<size_t>(point - count), '0');
  } else {
    out << all.substr(0, static_cast<size_t>(point)) << '.'
        << all.substr(static_cast<size_t>(point));
  }
}

template <typename Integer>
void PutInteger(Integer number, Sheet& out) {
  constexpr size_t kMost = 24;
  char* const room = out.Room(kMost);
  out.Wrote(std::to_chars(room, room + kMost, number).ptr);
}

bool MustEscape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

void PutEscaped(char c, Sheet& out) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out << "\\\"";
      return;
    case '\\':
      out << "\\\\";
      return;
    case '\b':
      out << "\\b";
      return;
    case '\f':
      out << "\\f";
      return;
    case '\n':
      out << "\\n";
      return;
    case '\r':
      out << "\\r";
      return;
    case '\t':
      out << "\\t";
      return;
    default:
      out << "\\u00" << kHex[(c >> 4) & 15] << kHex[c & 15];
  }
}

// How many bytes of `text` stand as they are, from its beginning.
size_t PlainLength(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    const uint64_t eight = EightAt(text.data() + i);
    if ((HoldsBelow(eight, ' ') | Holds(eight, '"') | Holds(eight, '\\')) != 0) break;
  }
  while (i < text.size() && !MustEscape(text[i])) ++i;
  return i;
}

void PutString(std::string_view text, Sheet& out) {
  out << '"';
  while (true) {
    const size_t plain = PlainLength(text);
    out << text.substr(0, plain);
    if (plain == text.size()) break;
    PutEscaped(text[plain], out);
    text.remove_prefix(plain + 1);
  }
  out << '"';
}

void PutName(std::string_view name, bool first, Sheet& out) {
  if (!first) out << ',';
  PutString(name, out);
  out << ':';
}

struct Member {
  std::string_view name;
  const Value* value;
};

bool IsSorted(const Value& object) {
  for (auto member = object.MemberBegin(); member != object.MemberEnd(); ++member) {
    if (member == object.MemberBegin()) continue;
    if (!MemberLess(Text((member - 1)->name), Text(member->name))) return false;
  }
  return true;
}

// Visits the members in canonical order, in which Kea's come already.
void ForEachMember(const Value& object, const auto& visit) {
  if (IsSorted(object)) {
    for (const auto& member : object.GetObject()) visit(Text(member.name), member.value);
    return;
  }
  std::vector<Member> members;
  members.reserve(object.MemberCount());
  for (const auto& member : object.GetObject()) {
    members.push_back({Text(member.name), &member.value});
  }
  std::sort(members.begin(), members.end(),
            [](const Member& a, const Member& b) { return MemberLess(a.name, b.name); });
  for (const Member& member : members) visit(member.name, *member.value);
}

void PutElements(const auto& elements, Sheet& out, const auto& put) {
  out << '[';
  bool first = true;
  for (const auto& element : elements) {
    if (!std::exchange(first, false)) out << ',';
    put(element);
  }
  out << ']';
}

void Put(const Value& value, Sheet& out) {
  switch (value.GetType()) {
    case rapidjson::kNullType:
      out << "null";
      return;
    case rapidjson::kFalseType:
      out << "false";
      return;
    case rapidjson::kTrueType:
      out << "true";
      return;
    case rapidjson::kStringType:
      return PutString(Text(value), out);
    case rapidjson::kArrayType:
      return PutElements(value.GetArray(), out, [&](const Value& element) { Put(element, out); });
    case rapidjson::kObjectType: {
      out << '{';
      bool first = true;
      ForEachMember(value, [&](std::string_view name, const Value& member) {
        PutName(name, std::exchange(first, false), out);
        Put(member, out);
      });
      out << '}';
      return;
    }
    case rapidjson::kNumberType:
      // Integers of Kea are exact; RFC 8785 would round those beyond 2^53.
      if (value.IsInt64()) return PutInteger(value.GetInt64(), out);
      if (value.IsUint64()) return PutInteger(value.GetUint64(), out);
      return Put(value.GetDouble(), out);
  }
}

// As above, bent as the shape says; the outermost object's own members are PutOutermost()'s work.
void PutShaped(const Value& value, std::string_view name, const Shape& shape, Sheet& out) {
  if (name == "user-context") return Put(value, out);
  if (value.IsObject()) {
    out << '{';
    bool first = true;
    ForEachMember(value, [&](std::string_view inner, const Value& member) {
      PutName(inner, std::exchange(first, false), out);
      PutShaped(member, inner, shape, out);
    });
    out << '}';
  } else if (value.IsArray() && value.Size() > 0 && shape.rearrange != nullptr) {
    std::vector<const Value*> elements;
    elements.reserve(value.Size());
    for (const Value& element : value.GetArray()) elements.push_back(&element);
    shape.rearrange(name, elements);
    PutElements(elements, out, [&](const Value* element) { PutShaped(*element, {}, shape, out); });
  } else {
    Put(value, out);
  }
}

void PutOutermost(const Value& value, const Shape& shape, Sheet& out) {
  if (!value.IsObject()) return PutShaped(value, {}, shape, out);
  bool first = true, owed = !shape.with_name.empty();
  const auto pay = [&] {
    PutName(shape.with_name, std::exchange(first, false), out);
    out << std::string_view(shape.with_value);
    owed = false;
  };
  out << '{';
  ForEachMember(value, [&](std::string_view name, const Value& member) {
    if (std::find(shape.without.begin(), shape.without.end(), name) != shape.without.end()) return;
    if (owed && MemberLess(shape.with_name, name)) pay();
    PutName(name, std::exchange(first, false), out);
    PutShaped(member, name, shape, out);
  });
  if (owed) pay();
  out << '}';
}

}  // namespace

void AppendString(std::string_view text, std::string& out) {
  Sheet& sheet = CleanSheet();
  PutString(text, sheet);
  out += sheet.text();
}

std::string Canonical(const Value& value, const Shape& shape) {
  Sheet& sheet = CleanSheet();
  PutOutermost(value, shape, sheet);
  return std::string(sheet.text());
}

void AppendCanonical(const Value& value, std::string& out) {
  Sheet& sheet = CleanSheet();
  Put(value, sheet);
  out += sheet.text();
}

std::string Canonical(const Value& value) {
  Sheet& sheet = CleanSheet();
  Put(value, sheet);
  return std::string(sheet.text());
}

}  // namespace nestor::json
