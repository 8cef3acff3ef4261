// One call, later. What every loop and link of net waits with.
// Shell, Asio, on one io_context; not thread-safe.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/time.h"

namespace zk::net {

/// The call comes at most once for each set(), and never after stop(), another set() or the alarm's end.
class Alarm {
  public:
    explicit Alarm(boost::asio::io_context& io) : timer_(io) {}

    void set(Duration wait, std::function<void()> call) {
        call_ = std::make_shared<std::function<void()>>(std::move(call));
        timer_.expires_after(wait);
        timer_.async_wait([weak = std::weak_ptr(call_)](boost::system::error_code cancelled) {
            const auto due = weak.lock();
            if (!cancelled && due) (*due)();
        });
    }
    void stop() {
        call_.reset();
        timer_.cancel();
    }

  private:
    boost::asio::steady_timer timer_;
    std::shared_ptr<std::function<void()>> call_;
};

}  // namespace zk::net
