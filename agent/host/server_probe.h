// Asks the server how it is, by the words an operator would type. Decides nothing: node_judge does.
// Shell, Asio. One probe makes at most two short connections to the client port,
// and asking for the configuration or for the elections is one more.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/ids.h"

namespace zk::agent_host {

struct ServerAnswer {
    bool answered = false;   ///< it said something
    bool serving = false;    ///< and not that it does not serve
    std::string failure;     ///< why it did not answer
    bool timed_out = false;  ///< it was not that nobody listens: no answer came in time
    std::map<std::string, std::string> srvr;
    std::map<std::string, std::string> mntr;
};

/// Never fails: a failure is an answer. `timeout` bounds each word.
boost::asio::awaitable<ServerAnswer> async_probe_server(std::string address,
                                                        std::uint16_t port,
                                                        std::chrono::milliseconds timeout);
/// Asks again, for a shorter time, when the first question was not answered in time. `timed_out` then means that both were
/// not.
boost::asio::awaitable<ServerAnswer> async_probe_twice(std::string address,
                                                       std::uint16_t port,
                                                       std::chrono::milliseconds first,
                                                       std::chrono::milliseconds second);
/// What it says of its configuration (`conf`); empty when it does not answer, does not serve, or
/// does not allow the word.
boost::asio::awaitable<std::map<std::string, std::string>> async_ask_conf(
    std::string address, std::uint16_t port, std::chrono::milliseconds timeout);

struct ElectionsAnswer {
    std::string told;     ///< whole lines, printable; empty: it does not tell
    std::string silence;  ///< and why
};
/// What the server remembers of its elections (`elec`). Never fails.
boost::asio::awaitable<ElectionsAnswer> async_ask_elections(std::string address,
                                                            std::uint16_t port,
                                                            ServerId sid,
                                                            std::chrono::milliseconds timeout);
/// The same; blocks.
ElectionsAnswer ask_elections(const std::string& address,
                              std::uint16_t port,
                              ServerId sid,
                              std::chrono::milliseconds timeout);

/// The same for a caller without a loop.
ServerAnswer probe_server(const std::string& address,
                          std::uint16_t port,
                          std::chrono::milliseconds timeout);
std::map<std::string, std::string> ask_conf(const std::string& address,
                                            std::uint16_t port,
                                            std::chrono::milliseconds timeout);

}  // namespace zk::agent_host
