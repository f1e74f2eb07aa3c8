#include "common/json/json.h"

namespace nestor::json {
namespace {

constexpr size_t kStep = 4;

// Where the string that begins at `begin` ends, its quotes included.
size_t EndOfString(std::string_view text, size_t begin) {
  size_t at = begin + 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

class Indentation {
 public:
  std::string Run(std::string_view text) {
    out_.reserve(text.size() * 2);
    for (size_t at = 0; at < text.size();) {
      const size_t end = text[at] == '"' ? EndOfString(text, at) : at + 1;
      Take(text, at, end);
      at = end;
    }
    return std::move(out_);
  }

 private:
  void Take(std::string_view text, size_t begin, size_t end) {
    const char next = end < text.size() ? text[end] : '\0';
    switch (text[begin]) {
      case '{':
      case '[':
        // A list of what is neither stays on its line.
        lines_.push_back(text[begin] == '{' || next == '{' || next == '[');
        out_ += text[begin];
        empty_ = next == '}' || next == ']';
        if (!empty_) Break();
        return;
      case '}':
      case ']': {
        const bool line = lines_.back();
        lines_.pop_back();
        if (std::exchange(empty_, false) || !line) {
          out_ += ' ';
        } else {
          NewLine();
        }
        out_ += text[begin];
        return;
      }
      case ',':
        out_ += ',';
        return Break();
      case ':':
        out_ += ": ";
        return;
      default:
        out_.append(text.substr(begin, end - begin));
    }
  }

  void Break() { lines_.back() ? NewLine() : out_.push_back(' '); }
  void NewLine() { out_.append(1, '\n').append(lines_.size() * kStep, ' '); }

  std::string out_;
  std::vector<bool> lines_;  // of each open list or object: whether its elements have lines
  bool empty_ = false;       // what was opened last
};

}  // namespace

std::string Indented(std::string_view text) { return Indentation().Run(text); }

}  // namespace nestor::json
