#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace nestor::kea {

// A real unix socket in a folder of its own, and a thread that meets each connection with `serve`.
class UnixServer {
 public:
  using Serve = std::function<void(int connection)>;

  // Without `serve` nobody accepts.
  explicit UnixServer(Serve serve, int backlog = 16) : serve_(std::move(serve)) {
    std::string folder = ::testing::TempDir() + "nestor-XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    const sockaddr_un address = Address(path());
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_, backlog), 0);
    if (serve_) thread_ = std::thread([this] { Run(); });
  }
  ~UnixServer() {
    shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    close(listener_);
    unlink(path().c_str());
    rmdir(folder_.c_str());
  }
  UnixServer(const UnixServer&) = delete;
  UnixServer& operator=(const UnixServer&) = delete;

  std::string path() const { return folder_ + "/kea.sock"; }

  static sockaddr_un Address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    return address;
  }

  // One whole command; its strings must hold no braces.
  static std::string Receive(int connection) {
    std::string text;
    char piece[64 << 10];
    std::ptrdiff_t open = 0;
    do {
      const ssize_t got = recv(connection, piece, sizeof(piece), 0);
      if (got <= 0) return text;
      open += std::count(piece, piece + got, '{') - std::count(piece, piece + got, '}');
      text.append(piece, static_cast<size_t>(got));
    } while (open > 0);
    return text;
  }

  static void Write(int connection, std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(connection, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<size_t>(sent));
    }
  }

  // Until the other side has closed.
  static void AwaitClose(int connection) {
    char byte = 0;
    while (recv(connection, &byte, 1, 0) > 0) continue;
  }

 private:
  void Run() {
    while (true) {
      const int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      serve_(connection);
      close(connection);
    }
  }

  Serve serve_;
  std::string folder_;
  int listener_ = -1;
  std::thread thread_;
};

}  // namespace nestor::kea
