// Ports: bind, words, accept. See listener.h.
#include "net/listener.h"

#include <unistd.h>
#include <utility>

#include <boost/asio/error.hpp>

#include "net/endpoints.h"
#include "net/name_lookups.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// Out of descriptors, or a caller that is gone already: the next ones wait in the backlog.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

/// The port itself cannot be had, whatever a name server says.
bool is_of_port(error_code error) {
    return error == asio::error::address_in_use || error == asio::error::access_denied ||
           error == boost::system::errc::address_not_available;
}

/// The same connection, on another io_context. Unopened if that cannot be.
tcp::socket moved(tcp::socket socket, asio::io_context& home) {
    tcp::socket there(home);
    error_code failed;
    const auto endpoint = socket.local_endpoint(failed);
    if (failed) return there;
    const auto descriptor = socket.release(failed);
    if (failed) return there;
    there.assign(endpoint.protocol(), descriptor, failed);
    if (failed) ::close(descriptor);
    return there;
}

}  // namespace

// Waits hold it, and the listener while it is open.
struct Listener::State {
    explicit State(asio::io_context& io) : acceptor(io), alarm(io) {}
    tcp::acceptor acceptor;
    Alarm alarm;
    ListenTries tries;
    bool only_check = false;
    bool open = true;
};

Listener::Listener(asio::io_context& io,
                   ListenPlace place,
                   ListenWords words,
                   StreamTuning tuning,
                   ListenerUser& user,
                   Log log)
    : io_(io),
      place_(std::move(place)),
      words_(std::move(words)),
      tuning_(tuning),
      user_(user),
      log_(std::move(log)) {}

Listener::~Listener() { close(); }

void Listener::close() {
    if (!state_) return;
    state_->open = false;
    state_->alarm.stop();
    error_code ignored;
    state_->acceptor.close(ignored);
    state_.reset();
}

// ---- binding

error_code Listener::bind(const tcp::endpoint& at) {
    const int backlog =
        place_.backlog > 0 ? place_.backlog : asio::socket_base::max_listen_connections;
    return listen_on(state_->acceptor, at, backlog);
}

Result<std::uint16_t> Listener::open_now() {
    close();
    state_ = std::make_shared<State>(io_);
    error_code error;
    std::optional<tcp::endpoint> at = fixed_endpoint(place_.host, place_.port);
    if (!at) {
        tcp::resolver resolver(io_);
        const auto found = resolver.resolve(place_.host, std::to_string(place_.port), error);
        if (!error && found.empty()) error = asio::error::host_not_found;
        if (!error) at = ipv4_first(found).front();
    }
    if (at) error = bind(*at);
    if (error) {
        close();
        return words_for(error);
    }
    const std::uint16_t port = state_->acceptor.local_endpoint().port();
    listening();
    return port;
}

void Listener::open(ListenTries tries) {
    close();
    state_ = std::make_shared<State>(io_);
    state_->tries = tries;
    bind_later(1);
}

void Listener::check(ListenTries tries) {
    close();
    state_ = std::make_shared<State>(io_);
    state_->tries = tries;
    state_->only_check = true;
    bind_later(1);
}

/// At once, unless a name has to be looked up.
void Listener::bind_later(int attempt) {
    if (const auto at = fixed_endpoint(place_.host, place_.port)) return bound(attempt, bind(*at));
    const auto found = [this, attempt, state = state_](error_code error,
                                                       const NameLookups::Addresses& addresses) {
        if (!state->open) return;
        bound(attempt, error ? error : bind(with_port(addresses, place_.port).front()));
    };
    NameLookups::of(io_).find(place_.host, kNamePatience, found);
}

void Listener::bound(int attempt, error_code error) {
    if (state_->only_check) {
        error_code ignored;
        state_->acceptor.close(ignored);
        if (!is_of_port(error)) return close();
    }
    if (error) return failed(attempt, error);
    listening();
}

void Listener::failed(int attempt, error_code error) {
    const ListenTries& tries = state_->tries;
    const bool last = tries.count > 0 && attempt >= tries.count;
    if (attempt == 1 || last) {
        log_.error("{}.bind_failed attempt={} why=\"{}\"",
                   words_.event,
                   attempt,
                   words_for(error).message());
    }
    if (last) {
        close();
        return user_.on_listen_failed(words_for(error));
    }
    state_->alarm.set(tries.pause, [this, attempt] { bind_later(attempt + 1); });
}

std::string Listener::place() const {
    if (place_.host.empty()) return std::to_string(place_.port) + " on all addresses";
    return to_string(ensemble::HostPort{place_.host, place_.port});
}

Error Listener::words_for(error_code error) const {
    std::string words = words_.port + " " + place() + " cannot be opened";
    if (error == asio::error::address_in_use) {
        words +=
            ": another process listens there (see `ss -ltnp`); stop it, or change " + words_.where;
    } else if (error == asio::error::access_denied) {
        words += ": ports below 1024 need more rights; change " + words_.where;
    } else if (error == boost::system::errc::address_not_available) {
        words += ": this host does not have that address; correct " + words_.where;
    } else if (!fixed_endpoint(place_.host, place_.port)) {
        words += ": that is neither an address nor a name that this host can resolve; correct " +
                 words_.where;
    }
    return {error, words};
}

// ---- accepting

void Listener::listening() {
    log_.info("{}.listening address={} port={}",
              words_.event,
              place_.host.empty() ? "*" : place_.host,
              state_->acceptor.local_endpoint().port());
    accept_next();
}

void Listener::accept_next() {
    state_->acceptor.async_accept([this, state = state_](error_code error, tcp::socket socket) {
        if (!state->open) return;
        if (error) {
            log_.warn("{}.accept_failed why=\"{}\"", words_.event, error.message());
            return state->alarm.set(kAcceptPause, [this] { accept_next(); });
        }
        if (asio::io_context* home = user_.next_home()) socket = moved(std::move(socket), *home);
        auto stream = plain_stream(std::move(socket), tuning_);
        if (stream) user_.on_connection(std::move(stream));
        if (state->open) accept_next();
    });
}

}  // namespace zk::net
