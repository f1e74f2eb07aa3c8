#include "common/store/row_sum.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>

namespace nestor::store {
namespace {

const EVP_MD* Sha256() {
  static EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return digest;
}

}  // namespace

void RowSum::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

RowSum::RowSum(std::string_view table) : context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(context_.get(), Sha256(), nullptr);
  Add(table);
}

void RowSum::Add(std::string_view field) {
  std::array<char, 9> prefix = {'b'};
  const uint64_t size = field.size();
  std::memcpy(prefix.data() + 1, &size, sizeof size);
  EVP_DigestUpdate(context_.get(), prefix.data(), prefix.size());
  EVP_DigestUpdate(context_.get(), field.data(), field.size());
}

void RowSum::AddInteger(int64_t field) {
  std::array<char, 9> bytes = {'i'};
  std::memcpy(bytes.data() + 1, &field, sizeof field);
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

void RowSum::AddNull() { EVP_DigestUpdate(context_.get(), "n", 1); }

int64_t RowSum::Value() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
  int64_t value = 0;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

}  // namespace nestor::store
