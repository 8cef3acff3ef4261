// Stands in the server's place: reads zoo.cfg, notes that it was started, answers `mntr` and `ruok`
// until it is killed. Keys of its own in zoo.cfg: fake.exit (end at once with that status),
// fake.state (what mntr says), fake.sid (the id with which it speaks),
// fake.elec (what elec says, with \\n between its lines).
// A file "end" in its data directory makes it end with the status that stands there.
// While there is a file "mute" in its data directory it takes connections and says nothing.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace {

std::map<std::string, std::string> read_config(const char* path) {
    std::map<std::string, std::string> values;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const std::size_t equals = line.find('=');
        if (equals != std::string::npos) values[line.substr(0, equals)] = line.substr(equals + 1);
    }
    return values;
}

int listen_on(int port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket, 16) != 0) {
        std::perror("bind");
        std::exit(1);
    }
    return socket;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    auto config = read_config(argv[1]);
    const std::string data = config["dataDir"];
    std::ofstream(data + "/starts", std::ios::app) << ::getpid() << "\n";
    if (config.contains("fake.exit")) {
        std::fprintf(stderr, "fake.exit says so\n");
        return std::atoi(config["fake.exit"].c_str());
    }
    ::mkdir((data + "/version-2").c_str(), 0750);
    std::ofstream(data + "/version-2/snapshot.0") << "x";
    ::unlink((config["dataLogDir"] + "/initialize").c_str());
    std::string elec = config["fake.elec"];
    for (std::size_t at; (at = elec.find("\\n")) != std::string::npos;) elec.replace(at, 2, "\n");
    const int socket = listen_on(std::atoi(config["clientPort"].c_str()));
    const std::string state = config.contains("fake.state") ? config["fake.state"] : "leader";
    const std::string mntr = "zk_version\tfake\nzk_server_state\t" + state +
                             "\nzk_last_zxid\t0x100000002\nzk_current_epoch\t1\nzk_leader_id\t1\n";
    const std::string conf =
        "clientPort=" + config["clientPort"] + "\ndataDir=" + data +
        "/version-2\nserverId=" + (config.contains("fake.sid") ? config["fake.sid"] : "1") + "\n";
    std::signal(SIGPIPE, SIG_IGN);
    for (;;) {
        const int client = ::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        // As one that hangs: it takes the connection, and that is all.
        while (::access((data + "/mute").c_str(), F_OK) == 0) ::usleep(10000);
        if (std::ifstream end(data + "/end"); end) {
            int status = 0;
            end >> status;
            ::unlink((data + "/end").c_str());
            return status;
        }
        char word[4] = {};
        if (::recv(client, word, 4, MSG_WAITALL) == 4) {
            const bool is_mntr = std::memcmp(word, "mntr", 4) == 0;
            const bool is_conf = std::memcmp(word, "conf", 4) == 0;
            const bool is_elec = std::memcmp(word, "elec", 4) == 0;
            const std::string answer = is_mntr ? mntr : is_conf ? conf : is_elec ? elec : "imok";
            [[maybe_unused]] const ssize_t sent =
                ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
        }
        ::close(client);
    }
}
