#include "net/name_lookups.h"

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <system_error>

#include "clocks/clocks.h"
#include "net/endpoints.h"
#include "threads/mutex.h"

namespace zk::net {

namespace asio = boost::asio;
namespace ip = boost::asio::ip;
using boost::system::error_code;

namespace {

constexpr Duration kFresh = std::chrono::seconds(1);

NameLookups::Addresses ask_the_system(const std::string& host, error_code& error) {
    asio::io_context own;  // its resolver asks on the thread that calls
    ip::tcp::resolver resolver(own);
    const auto found = resolver.resolve(host, "", error);
    NameLookups::Addresses addresses;
    for (const auto& endpoint : ipv4_first(found)) addresses.push_back(endpoint.address());
    if (!error && addresses.empty()) error = asio::error::host_not_found;
    return addresses;
}

struct Waiter {
    Waiter(asio::io_context& io, NameLookups::Found found) : patience(io), then(std::move(found)) {}
    asio::steady_timer patience;
    NameLookups::Found then;
};

struct Name {
    bool asked = false;  ///< a thread waits for the answer
    NameLookups::Addresses known;
    std::optional<Instant> known_since;
    std::list<std::shared_ptr<Waiter>> waiters;
};

void tell(const std::shared_ptr<Waiter>& waiter,
          error_code error,
          const NameLookups::Addresses& addresses) {
    const auto then = std::exchange(waiter->then, nullptr);
    waiter->patience.cancel();
    if (then) then(error, addresses);
}

}  // namespace

// Outlives the io_context while a lookup is under way: nobody can hasten a lookup or end its thread.
struct NameLookups::Shared {
    threads::Mutex mutex;
    /// Null: nobody wants answers any more.
    asio::io_context* io ZK_GUARDED_BY(mutex) = nullptr;
    std::map<std::string, Name> names;
    Lookup lookup = ask_the_system;

    void answered(const std::string& host, error_code error, const Addresses& addresses) {
        Name& name = names[host];
        name.asked = false;
        if (!error) {
            name.known = addresses;
            name.known_since = clocks::steady_now();
        }
        for (const auto& waiter : std::exchange(name.waiters, {})) {
            tell(waiter, error, error ? Addresses() : addresses);
        }
    }
};

asio::execution_context::id NameLookups::id;

NameLookups::NameLookups(asio::execution_context& context)
    : service(context), shared_(std::make_shared<Shared>()) {
    const threads::Lock lock(shared_->mutex);
    shared_->io = &static_cast<asio::io_context&>(context);
}

NameLookups::~NameLookups() = default;

void NameLookups::shutdown() {
    std::map<std::string, Name> names;
    {
        const threads::Lock lock(shared_->mutex);
        shared_->io = nullptr;
        names.swap(shared_->names);
    }
}

void NameLookups::ask(Lookup lookup) { shared_->lookup = std::move(lookup); }

void NameLookups::find(const std::string& host, Duration patience, Found then) {
    auto& io = static_cast<asio::io_context&>(context());
    const auto answer = [&](Addresses addresses) {
        asio::post(io, [then = std::move(then), addresses = std::move(addresses)] {
            then({}, addresses);
        });
    };
    if (const auto numeric = numeric_endpoint(host, 0)) return answer({numeric->address()});
    Name& name = shared_->names[host];
    if (name.known_since && clocks::steady_now() - *name.known_since < kFresh)
        return answer(name.known);

    const auto waiter = std::make_shared<Waiter>(io, std::move(then));
    name.waiters.push_back(waiter);
    waiter->patience.expires_after(patience);
    waiter->patience.async_wait(
        [shared = shared_, host, weak = std::weak_ptr(waiter)](error_code ended) {
            const auto late = weak.lock();
            if (ended || !late) return;
            Name& asked = shared->names[host];
            std::erase(asked.waiters, late);
            if (asked.known_since) {
                tell(late, {}, asked.known);
            } else {
                tell(late, asio::error::timed_out, {});
            }
        });
    if (std::exchange(name.asked, true)) return;
    try {
        std::thread([shared = shared_, host, lookup = shared_->lookup] {
            error_code error;
            Addresses addresses = lookup(host, error);
            const threads::Lock lock(shared->mutex);
            if (shared->io == nullptr) return;
            asio::post(*shared->io, [shared, host, error, addresses = std::move(addresses)] {
                shared->answered(host, error, addresses);
            });
        }).detach();
        // No thread to be had now: the next one who asks tries again.
    } catch (const std::system_error&) {
        name.asked = false;
    }
}

std::vector<ip::tcp::endpoint> with_port(const NameLookups::Addresses& addresses,
                                         std::uint16_t port) {
    std::vector<ip::tcp::endpoint> endpoints;
    for (const ip::address& address : addresses) endpoints.emplace_back(address, port);
    return endpoints;
}

}  // namespace zk::net
