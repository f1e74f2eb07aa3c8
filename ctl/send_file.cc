#include "ctl/send_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "common/base/status.h"

namespace nestor::ctl {
namespace {

constexpr size_t kPiece = size_t{32} << 10;
constexpr absl::Duration kPatience = absl::Seconds(30);

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? std::cin : file;
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad() || (path != "-" && !file.is_open())) {
    return Error(absl::StatusCode::kInvalidArgument, "cannot read {}: {}", path,
                 std::strerror(errno));
  }
  return text;
}

}  // namespace

absl::Status SendFile(bus::OperatorClient& client, v1::OperatorRequest request,
                      const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadAll(path));
  size_t sent = 0;
  for (uint32_t index = 0; index == 0 || sent < text.size(); ++index) {
    const size_t size = std::min(kPiece, text.size() - sent);
    request.mutable_apply()->set_piece(text.substr(sent, size));
    request.mutable_apply()->set_index(index);
    request.mutable_apply()->set_more(sent + size < text.size());
    RETURN_IF_ERROR(index == 0 ? client.Send(request) : client.SendMore(request, kPatience));
    sent += size;
  }
  return absl::OkStatus();
}

}  // namespace nestor::ctl
