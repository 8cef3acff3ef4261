// An HTTP listener: answers GET and HEAD from what it is told, and takes the bodies of POST where somebody wants them.
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
    std::string remote{};  ///< the visitor's IP address
};

struct Response {
    unsigned status = 200;
    std::string content_type;
    std::string body;
    /// Further lines of the header: names and values.
    std::vector<std::pair<std::string, std::string>> header{};
    /// Server-sent events: the body is only their beginning, and publish() adds to them.
    bool stream = false;
    /// A body that is too large for memory: its next piece, of so many bytes at most. Empty: it cannot go on, and the
    /// connection ends.
    std::function<std::string(std::size_t bytes_max)> source{};
    std::uint64_t source_bytes = 0;  ///< all of it
};

/// Takes the answer, on the listener's loop, at once or later, once; nothing happens when nobody waits any more.
using Reply = std::function<void(Response)>;

/// The body of one POST, on the listener's loop. Destroyed without end(): its sender has broken off.
class Upload {
  public:
    virtual ~Upload() = default;
    /// False: more is of no use. end() follows.
    virtual bool take(std::string_view piece) = 0;
    /// The body is whole, or take() said so. Once.
    virtual void end(Reply reply) = 0;
};
/// Who will take the body; or nobody, and what is answered instead.
struct Reception {
    std::shared_ptr<Upload> upload;
    Response refusal;
};
/// Called before any byte of a body is read. The answer may come later, as a Reply.
using Receive = std::function<void(const Request&, std::function<void(Reception)>)>;

struct Limits {
    std::size_t connections_max = 64;
    std::size_t header_bytes_max = 8192;
    std::chrono::milliseconds request_time{5000};  ///< from the first byte of a request to its last
    std::chrono::milliseconds idle_time{15000};    ///< between two requests
    std::chrono::milliseconds answer_time{15000};  ///< for an answer that is not there at once
    /// For one answer, what a stream has to say, or a piece of a body, either way.
    std::chrono::milliseconds write_time{5000};
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
    Receive receive;        ///< none: there is no POST here
    Limits limits;
};

using Answer = std::function<Response(const Request&)>;
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
