// zkload: a load generator for ZooKeeper servers, ours or others, cheap enough not to be what is
// measured. Reads its options, finds the servers to go to, runs the load (load.cc), prints one
// line.

#include <chrono>
#include <cstdio>

#include "client/four_letter.h"
#include "zkload/fail.h"
#include "zkload/floor.h"
#include "zkload/load.h"
#include "zkload/options.h"
#include "zkload/report.h"

namespace zk::load {
namespace {

std::string mode_of(const Endpoint& server) {
    const auto answer =
        client::four_letter(server.address, server.port, "srvr", std::chrono::seconds(5));
    if (!answer)
        fail(server.address + ":" + std::to_string(server.port) + ": " + answer.error().message());
    const auto lines = client::parse_srvr(*answer);
    const auto mode = lines.find("Mode");
    return mode == lines.end() ? std::string() : mode->second;
}

std::vector<Endpoint> chosen(const Options& options) {
    if (options.at == "spread") return options.servers;
    std::vector<Endpoint> found;
    if (options.at == "leader" || options.at == "follower") {
        for (const Endpoint& server : options.servers) {
            if (found.empty() && mode_of(server) == options.at) found.push_back(server);
        }
        if (found.empty()) fail("no server says that it is a " + options.at);
        return found;
    }
    for (std::size_t i = 0; i < options.servers.size(); ++i) {
        if (options.at == std::to_string(i + 1)) found.push_back(options.servers[i]);
    }
    if (found.empty()) fail("--at '" + options.at + "' is no place in the list of servers");
    return found;
}

}  // namespace
}  // namespace zk::load

int main(int argc, char** argv) {
    const zk::load::Options options = zk::load::parse_options(argc, argv);
    if (options.serve_floor != 0) zk::load::serve_floor(options.serve_floor, options.value_bytes);
    const zk::load::Measured measured = zk::load::run(options, zk::load::chosen(options));
    const std::string line = options.json ? zk::load::report_json(options, measured)
                                          : zk::load::report(options, measured);
    std::printf("%s\n", line.c_str());
    return 0;
}
