#include "agent_host/server_probe.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "client/four_letter.h"

namespace zk::agent_host {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kNotServing = "is not currently serving requests";
constexpr std::string_view kNotAllowed = "is not executed because it is not in the whitelist";

/// In which form elections are told, which the controller can read.
constexpr std::string_view kElections = "elections form=1 ";
/// A server keeps eight searches of 64 moments: a third of it.
constexpr std::size_t kElectionsBytesMax = 256UL * 1024;

std::string whole_lines(std::string text) {
    if (text.size() <= kElectionsBytesMax) return text;
    text.resize(kElectionsBytesMax);
    text.resize(text.rfind('\n') + 1);
    return text;
}

/// It goes into JSON, and onto a person's terminal.
std::string printable(std::string text) {
    for (char& c : text) {
        if (c != '\n' && (c < ' ' || c > '~')) c = '?';
    }
    return text;
}

bool says(const Result<std::string>& answer, std::string_view words) {
    return answer.has_value() && answer->find(words) != std::string::npos;
}

}  // namespace

asio::awaitable<ServerAnswer> async_probe_server(std::string address,
                                                 std::uint16_t port,
                                                 std::chrono::milliseconds timeout) {
    ServerAnswer result;
    auto mntr = co_await client::async_four_letter(address, port, "mntr", timeout);
    if (!mntr.has_value()) {
        result.failure = mntr.error().message();
        result.timed_out = mntr.error().code == make_error_code(Errc::timeout);
        co_return result;
    }
    if (says(mntr, kNotServing)) {
        result.answered = true;
        // Only our own server knows this word; another one closes the connection.
        const auto vote = co_await client::async_four_letter(address, port, "vote", timeout);
        if (vote.has_value() && !says(vote, kNotAllowed)) result.mntr = client::parse_mntr(*vote);
        co_return result;
    }
    if (!says(mntr, kNotAllowed)) result.mntr = client::parse_mntr(*mntr);
    // Our own server says its last zxid in `mntr`; for others `srvr` has it.
    if (result.mntr.contains("last_zxid")) {
        result.answered = result.serving = true;
        co_return result;
    }
    auto srvr = co_await client::async_four_letter(address, port, "srvr", timeout);
    if (!srvr.has_value()) {
        result.failure = srvr.error().message();
        result.timed_out = srvr.error().code == make_error_code(Errc::timeout);
        co_return result;
    }
    result.answered = !srvr->empty() || !mntr->empty();
    if (!result.answered) {
        result.failure = "it closed the connection without a word";
        co_return result;
    }
    result.srvr = client::parse_srvr(*srvr);
    result.serving = !says(srvr, kNotServing) &&
                     (result.srvr.contains("Mode") || result.mntr.contains("server_state"));
    co_return result;
}

asio::awaitable<ServerAnswer> async_probe_twice(std::string address,
                                                std::uint16_t port,
                                                std::chrono::milliseconds first,
                                                std::chrono::milliseconds second) {
    auto answer = co_await async_probe_server(address, port, first);
    if (!answer.timed_out) co_return answer;
    co_return co_await async_probe_server(address, port, second);
}

asio::awaitable<std::map<std::string, std::string>> async_ask_conf(
    std::string address, std::uint16_t port, std::chrono::milliseconds timeout) {
    const auto conf = co_await client::async_four_letter(address, port, "conf", timeout);
    if (!conf.has_value()) co_return std::map<std::string, std::string>();
    co_return client::parse_conf(*conf);
}

std::map<std::string, std::string> ask_conf(const std::string& address,
                                            std::uint16_t port,
                                            std::chrono::milliseconds timeout) {
    const auto conf = client::four_letter(address, port, "conf", timeout);
    if (!conf.has_value()) return {};
    return client::parse_conf(*conf);
}

namespace {

ElectionsAnswer elections_in(const Result<std::string>& said, ServerId sid) {
    ElectionsAnswer answer;
    if (!said.has_value()) {
        answer.silence = "its server does not answer: " + said.error().message();
    } else if (says(said, kNotAllowed)) {
        answer.silence = "its server does not allow the word elec (4lw.commands.whitelist)";
    } else if (!said->starts_with(kElections)) {
        answer.silence =
            "its server does not tell of its votes: it is Apache's, or another version of ours";
    } else if (!said->starts_with(std::string(kElections) + "server=" + to_string(sid) + " ")) {
        answer.silence = "another server answers in its place: " + printable(said->substr(0, 60));
    } else {
        answer.told = printable(whole_lines(*said));
    }
    return answer;
}

}  // namespace

asio::awaitable<ElectionsAnswer> async_ask_elections(std::string address,
                                                     std::uint16_t port,
                                                     ServerId sid,
                                                     std::chrono::milliseconds timeout) {
    const auto said = co_await client::async_four_letter(address, port, "elec", timeout);
    co_return elections_in(said, sid);
}

ElectionsAnswer ask_elections(const std::string& address,
                              std::uint16_t port,
                              ServerId sid,
                              std::chrono::milliseconds timeout) {
    return elections_in(client::four_letter(address, port, "elec", timeout), sid);
}

ServerAnswer probe_server(const std::string& address,
                          std::uint16_t port,
                          std::chrono::milliseconds timeout) {
    asio::io_context loop(1);
    ServerAnswer result;
    auto job = [&]() -> asio::awaitable<void> {
        result = co_await async_probe_server(address, port, timeout);
    };
    asio::co_spawn(loop, std::move(job), asio::detached);
    loop.run();
    return result;
}

}  // namespace zk::agent_host
