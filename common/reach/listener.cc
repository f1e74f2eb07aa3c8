#include "common/reach/listener.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "common/base/status.h"

namespace nestor::reach {
namespace {

constexpr int kBacklog = 16;
// So long none is taken where the host has no room for one more.
constexpr absl::Duration kPause = absl::Milliseconds(100);

absl::Status WhyNot(const SocketAddress& address, int error) {
  if (error == EADDRNOTAVAIL) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "{} is not an address of this host: give one of its own, which `ip address` shows",
                 address.text);
  }
  if (error == EADDRINUSE) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "{} is in use by another program on this host: give another port, or end what "
                 "listens there, which `ss -ltnp` shows",
                 address.text);
  }
  return Error(absl::StatusCode::kUnavailable, "cannot listen at {}: {}", address.text,
               std::strerror(error));
}

absl::StatusOr<Descriptor> Bind(const SocketAddress& address) {
  Descriptor socket = address.Open();
  if (!socket.valid()) return WhyNot(address, errno);
  // What is left of answered connections is not to keep Kea from listening there.
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  // With SO_REUSEADDR on both sides only listen() notices somebody who has just bound it.
  if (::bind(socket.get(), address.get(), address.size) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    return WhyNot(address, errno);
  }
  return socket;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Start(const SocketAddress& address,
                                                          std::string token, Deadline deadline) {
  ASSIGN_OR_RETURN(Descriptor socket, Bind(address));
  Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return WhyNot(address, errno);
  std::unique_ptr<Listener> listener(new Listener(std::move(wake), std::move(token)));
  try {
    listener->thread_ = std::thread(&Listener::Run, listener.get(), std::move(socket), deadline);
  } catch (const std::system_error& error) {
    return WhyNot(address, error.code().value());
  }
  return listener;
}

Listener::~Listener() {
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

void Listener::Run(Descriptor socket, Deadline deadline) {
  std::array<pollfd, 2> waits = {pollfd{wake_.get(), POLLIN, 0}, pollfd{socket.get(), POLLIN, 0}};
  while (WaitFor(waits, deadline) && waits[0].revents == 0) Answer(socket.get(), deadline);
  // Whoever sees that it is over may take the address.
  socket = Descriptor();
  over_ = true;
}

void Listener::Answer(int socket, Deadline deadline) const {
  const Descriptor connection(::accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (connection.valid()) {
    // The token fits into what the kernel keeps for a connection. Who is gone already gets none.
    (void)!::send(connection.get(), token_.data(), token_.size(), MSG_NOSIGNAL);
    return;
  }
  // Otherwise the caller has gone away meanwhile.
  if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
  std::array<pollfd, 1> wake = {pollfd{wake_.get(), POLLIN, 0}};
  WaitFor(wake, std::min(deadline, After(kPause)));
}

}  // namespace nestor::reach
