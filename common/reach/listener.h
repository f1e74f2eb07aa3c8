#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "common/reach/socket.h"

namespace nestor::reach {

// Listens at an address and answers each connection with a token, on a thread of its own, until its
// time is over. Then the address is free. Its end ends it at once.
class Listener {
 public:
  // Errors as Reach::Listen().
  static absl::StatusOr<std::unique_ptr<Listener>> Start(const SocketAddress& address,
                                                         std::string token, Deadline deadline);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Its time is over. Any thread.
  bool over() const { return over_; }

 private:
  Listener(Descriptor wake, std::string token) : wake_(std::move(wake)), token_(std::move(token)) {}
  void Run(Descriptor socket, Deadline deadline);
  void Answer(int socket, Deadline deadline) const;

  const Descriptor wake_;  // readable: it is to end
  const std::string token_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace nestor::reach
