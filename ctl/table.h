#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nestor::ctl {

// Rows whose columns stand below each other, two blanks apart.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }

  // An empty cell is shown as "-", and each on one line. `row` has a cell for each of the heading.
  void Add(std::vector<std::string> row);

  // Ends in a line break.
  std::string Text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// `text` with what a terminal would act on replaced by '?'; line breaks stay.
std::string Printable(std::string text);

// The same on one line.
std::string OneLine(std::string text);

}  // namespace nestor::ctl
