// One thread that does everything: calls that wait for an answer, and waiting for a line, both run the loop of the
// connection meanwhile, so that pings leave and events come. Shell, Asio.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace zk::zkcli {

class Loop {
  public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    boost::asio::io_context& context() { return context_; }

    /// Runs `work` to its end.
    template <class T>
    T run(boost::asio::awaitable<T> work) {
        std::optional<T> result;
        auto done = [&result](std::exception_ptr, T value) { result.emplace(std::move(value)); };
        boost::asio::co_spawn(context_, std::move(work), std::move(done));
        while (!result) context_.run_one();
        return *std::move(result);
    }
    void run(boost::asio::awaitable<void> work);
    /// Until there is something to read from `fd`, or its end. Leaves its flags alone: a terminal is shared with others.
    void wait_readable(int fd);
    /// Lets what has ended clean up behind itself.
    void settle();

  private:
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_;
};

}  // namespace zk::zkcli
