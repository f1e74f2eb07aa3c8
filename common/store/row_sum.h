#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string_view>

struct evp_md_ctx_st;

namespace nestor::store {

// The checksum kept in every row: the first 8 bytes of the SHA-256 over the table's name and the
// row's fields, each with its type and length. It tells a damaged row from a sound one; it does not
// protect against somebody who means to forge one.
class RowSum {
 public:
  explicit RowSum(std::string_view table);

  void Add(std::string_view field);
  void AddInteger(int64_t field);
  void AddNull();

  template <std::integral T>
  void Add(T field) {
    AddInteger(static_cast<int64_t>(field));
  }

  // Ends the sum; call it once.
  int64_t Value();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

template <typename... Fields>
int64_t SumOf(std::string_view table, const Fields&... fields) {
  RowSum sum(table);
  (sum.Add(fields), ...);
  return sum.Value();
}

}  // namespace nestor::store
