// Dialling. See dialler.h.
#include "net/dialler.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <boost/asio/error.hpp>

#include "clocks/clocks.h"
#include "net/alarm.h"
#include "net/endpoints.h"
#include "net/name_lookups.h"

namespace zk::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Waits hold it; the dialler does until it has ended.
struct Dialler::Attempt {
    Attempt(asio::io_context& io, Dialler& own) : dialler(&own), socket(io), alarm(io) {}
    Dialler* dialler;  ///< null: nobody waits for it any more
    tcp::socket socket;
    Alarm alarm;
    DialTimes times;
    Then then;
    std::vector<tcp::endpoint> endpoints;
    std::size_t next = 0;
    Instant began{};
    bool gave_up = false;     ///< the address that is being tried: its time is over
    bool any_silent = false;  ///< in this round
};

Dialler::Dialler(asio::io_context& io, StreamTuning tuning) : io_(io), tuning_(tuning) {}

Dialler::~Dialler() { stop(); }

void Dialler::stop() {
    if (!attempt_) return;
    attempt_->dialler = nullptr;
    attempt_->alarm.stop();
    error_code ignored;
    attempt_->socket.close(ignored);
    attempt_.reset();
}

void Dialler::hasten() {
    if (!attempt_ || attempt_->endpoints.empty()) return;
    attempt_->gave_up = true;
    error_code ignored;
    attempt_->socket.close(ignored);
}

void Dialler::dial(const ensemble::HostPort& address, DialTimes times, Then then) {
    stop();
    attempt_ = std::make_shared<Attempt>(io_, *this);
    attempt_->times = times;
    attempt_->then = std::move(then);
    const auto found = [attempt = attempt_, port = address.port](
                           error_code error, const NameLookups::Addresses& addresses) {
        if (attempt->dialler == nullptr) return;
        if (error) return finish(attempt, {nullptr, error, true});
        attempt->endpoints = with_port(addresses, port);
        attempt->began = clocks::steady_now();
        try_next(attempt);
    };
    NameLookups::of(io_).find(address.host, kLookupPatience, found);
}

void Dialler::try_next(const std::shared_ptr<Attempt>& attempt) {
    attempt->gave_up = false;
    attempt->socket = tcp::socket(attempt->dialler->io_);
    Duration patience = attempt->times.each;
    if (attempt->times.total != Duration()) {
        const Duration left = attempt->began + attempt->times.total - clocks::steady_now();
        patience = std::clamp(patience, Duration(), std::max(left, Duration()));
    }
    attempt->alarm.set(patience, [attempt = attempt.get()] { attempt->dialler->hasten(); });
    attempt->socket.async_connect(attempt->endpoints[attempt->next], [attempt](error_code error) {
        if (attempt->dialler != nullptr) tried(attempt, error);
    });
}

void Dialler::tried(const std::shared_ptr<Attempt>& attempt, error_code error) {
    attempt->alarm.stop();
    // A socket that was closed for its time says "aborted", which tells a person nothing.
    if (attempt->gave_up) error = asio::error::timed_out;
    if (!error) {
        auto stream = plain_stream(std::move(attempt->socket), attempt->dialler->tuning_);
        if (stream) return finish(attempt, {std::move(stream), {}, false});
        error = asio::error::connection_reset;
    }
    attempt->any_silent |= error == asio::error::timed_out;
    const bool time_left = clocks::steady_now() - attempt->began < attempt->times.total;
    if (++attempt->next < attempt->endpoints.size()) {
        if (time_left || attempt->times.total == Duration()) return try_next(attempt);
    } else if (time_left && std::exchange(attempt->any_silent, false)) {
        attempt->next = 0;
        return try_next(attempt);
    }
    finish(attempt, {nullptr, error, false});
}

void Dialler::finish(const std::shared_ptr<Attempt>& attempt, Dialled dialled) {
    attempt->dialler->attempt_.reset();
    attempt->dialler = nullptr;
    const Then then = std::move(attempt->then);
    then(std::move(dialled));
}

}  // namespace zk::net
