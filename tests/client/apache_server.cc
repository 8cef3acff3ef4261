#include "apache_server.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "client/four_letter.h"

namespace zk::client {
namespace {

constexpr const char* kClassPath = "/etc/zookeeper/conf:/usr/share/java/zookeeper.jar";

}  // namespace

std::uint16_t free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        std::abort();
    }
    ::close(socket);
    return ntohs(address.sin_port);
}

ApacheServer* ApacheServer::shared() {
    static std::unique_ptr<ApacheServer> server = [] {
        std::unique_ptr<ApacheServer> made(new ApacheServer);
        if (!made->start()) made.reset();
        return made;
    }();
    return server.get();
}

ApacheServer::ApacheServer() {
    char name[] = "/tmp/zk-client-test-XXXXXX";
    dir_ = ::mkdtemp(name);
    port_ = free_port();
}

bool ApacheServer::start() {
    if (!std::filesystem::exists("/usr/bin/java") ||
        !std::filesystem::exists("/usr/share/java/zookeeper.jar")) {
        std::fprintf(
            stderr,
            "SKIPPED: Apache's server is not installed (apt-get install zookeeper), so the "
            "client is NOT tested against it\n");
        return false;
    }
    std::ofstream(dir_ + "/zoo.cfg") << "dataDir=" << dir_ << "/data\nclientPort=" << port_
                                     << "\nclientPortAddress=127.0.0.1\ntickTime=500\n"
                                        "admin.enableServer=false\n4lw.commands.whitelist=*\n";
    const std::string config = dir_ + "/zoo.cfg";
    const std::string log = dir_ + "/console";
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::dup2(out, 1);
        ::dup2(out, 2);
        ::execl("/usr/bin/java",
                "java",
                "-Xmx128m",
                "-cp",
                kClassPath,
                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                config.c_str(),
                static_cast<char*>(nullptr));
        ::_exit(127);
    }
    for (int tries = 0; tries < 600; ++tries) {
        const auto answer = four_letter("127.0.0.1", port_, "srvr", std::chrono::seconds(5));
        if (answer.has_value() && parse_srvr(*answer).contains("Mode")) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    std::fprintf(stderr, "Apache's server did not start; see %s\n", log.c_str());
    std::abort();
}

ApacheServer::~ApacheServer() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
}

}  // namespace zk::client
