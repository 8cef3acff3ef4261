// The agent's HTTP listener where the specification says: begun, moved and ended with it.
// Shell, Asio. Lives on the resident agent's loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "agent_api/node_spec.h"
#include "base/log.h"
#include "http/http_listener.h"

namespace zk::agent_serve {

class PageListener {
  public:
    /// `answer` is called on the loop.
    PageListener(boost::asio::io_context& loop, http::Answer answer, Log log)
        : loop_(loop), answer_(std::move(answer)), log_(std::move(log)) {}

    /// An address that is not there yet, or a port that is taken, is tried again with each call. `spec` may be null: nothing
    /// is installed.
    void tend(const agent_api::NodeSpec* spec);
    /// To all who read a stream.
    void publish(std::string_view news);
    /// Why it does not listen though it should; empty: it does.
    [[nodiscard]] const std::string& failure() const { return failure_; }

  private:
    boost::asio::io_context& loop_;
    http::Answer answer_;
    Log log_;
    std::optional<http::HttpListener> http_;
    std::string address_;  ///< of `http_`
    std::uint16_t port_ = 0;
    std::string failure_;
};

}  // namespace zk::agent_serve
