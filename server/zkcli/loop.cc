#include "zkcli/loop.h"

#include <chrono>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <sys/epoll.h>

namespace zk::zkcli {

namespace asio = boost::asio;

Loop::Loop() : busy_(context_.get_executor()) {}
Loop::~Loop() = default;

void Loop::run(asio::awaitable<void> work) {
    bool over = false;
    auto done = [&over](std::exception_ptr) { over = true; };
    asio::co_spawn(context_, std::move(work), std::move(done));
    while (!over) context_.run_one();
}

void Loop::wait_readable(int fd) {
    // Asio makes a descriptor non-blocking: an epoll of our own stands between, which nobody else has.
    const int between = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    if (between < 0 || ::epoll_ctl(between, EPOLL_CTL_ADD, fd, &wanted) != 0) {
        // A file, which is always ready.
        if (between >= 0) ::close(between);
        return;
    }
    asio::posix::stream_descriptor descriptor(context_, between);
    bool ready = false;
    descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                          [&ready](const boost::system::error_code&) { ready = true; });
    while (!ready) context_.run_one();
}

void Loop::settle() { context_.run_for(std::chrono::milliseconds(20)); }

}  // namespace zk::zkcli
