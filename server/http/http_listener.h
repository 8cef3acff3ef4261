// An HTTP listener: answers GET and HEAD from what it is told.
// Shell, Asio. Lives on the loop of its executor; all calls from there. Everything a stranger can ask for is bounded
// (Limits): who sends slowly, reads slowly or says nothing is dropped. A Host header with a name that is not in
// Settings::names is refused, unless any_name is set, so that a page of somebody else cannot read this one through a
// browser (DNS rebinding).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/log.h"
#include "base/result.h"

namespace zk::http {

struct Request {
    std::string target;  ///< path and query, as sent; begins with "/"
    std::string accept{};
    std::string last_event_id{};  ///< of a browser that comes back to a stream
    std::string authorization{};
};

struct Response {
    unsigned status = 200;
    std::string content_type;
    std::string body;
    /// Further lines of the header: names and values.
    std::vector<std::pair<std::string, std::string>> header{};
    /// Server-sent events: the body is only their beginning, and publish() adds to them.
    bool stream = false;
};

struct Limits {
    std::size_t connections_max = 64;
    std::size_t header_bytes_max = 8192;
    std::chrono::milliseconds request_time{5000};  ///< from the first byte of a request to its last
    std::chrono::milliseconds idle_time{15000};    ///< between two requests
    std::chrono::milliseconds answer_time{15000};  ///< for an answer that is not there at once
    std::chrono::milliseconds write_time{5000};    ///< for one answer, or what a stream has to say
    std::size_t streams_max = 16;
    std::size_t stream_bytes_max = 65536;        ///< that a stream's reader may be behind
    std::chrono::milliseconds beat_time{10000};  ///< a stream says so often that it is there
};

struct Settings {
    std::string address;     ///< an IP address
    std::uint16_t port = 0;  ///< 0: any free one, see HttpListener::port()
    /// Names under which this node may be asked, besides IP addresses and localhost.
    std::vector<std::string> names;
    bool any_name = false;  ///< it may be asked under any name
    Limits limits;
};

using Answer = std::function<Response(const Request&)>;
/// Takes the answer, on the listener's loop, at once or later, once; nothing happens when nobody waits any more.
using Reply = std::function<void(Response)>;
using AnswerLater = std::function<void(const Request&, Reply)>;

class HttpListener {
  public:
    HttpListener(boost::asio::any_io_executor executor, Settings settings, Answer answer, Log log);
    HttpListener(boost::asio::any_io_executor executor,
                 Settings settings,
                 AnswerLater answer,
                 Log log);
    ~HttpListener();
    HttpListener(const HttpListener&) = delete;
    HttpListener& operator=(const HttpListener&) = delete;

    /// Binds and listens. The error names the address; start() may be called again.
    Result<> start();
    /// Closes everything; `answer` is not called any more.
    void stop();
    /// To all streams; a reader that is too far behind loses its connection.
    void publish(std::string_view events);
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::size_t connections() const;

  private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

}  // namespace zk::http
