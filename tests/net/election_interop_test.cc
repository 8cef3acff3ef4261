// Elections together with Apache ZooKeeper 3.8 servers on loopback: two of theirs, and our Election
// on our ElectionLinks as the third. Skipped where Java or the server's jar is missing. Waits have
// bounds; processes are killed by their pid.

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "clocks/clocks.h"
#include "election/election.h"
#include "net/election_links.h"

extern char** environ;

namespace zk::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using election::PeerState;
using namespace std::chrono_literals;

constexpr const char* kJar = "/usr/share/java/zookeeper.jar";

std::uint16_t free_port() {
    asio::io_context io;
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
    return acceptor.local_endpoint().port();
}

/// A JVM with one server; killed when it goes out of scope.
class JavaServer {
  public:
    JavaServer(const std::string& cfg, const std::string& log) {
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(
            &files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        posix_spawn_file_actions_adddup2(&files, 1, 2);
        std::vector<std::string> words = {"java",
                                          "-Xmx96m",
                                          "-XX:+UseSerialGC",
                                          "-XX:TieredStopAtLevel=1",
                                          "-cp",
                                          kJar,
                                          "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                                          cfg};
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        if (posix_spawnp(&pid_, "java", &files, nullptr, arguments.data(), environ) != 0) pid_ = -1;
        posix_spawn_file_actions_destroy(&files);
    }
    ~JavaServer() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    JavaServer(const JavaServer&) = delete;
    JavaServer& operator=(const JavaServer&) = delete;

  private:
    pid_t pid_ = -1;
};

/// Our side: what a core will do with an Election, without a core.
class Voter final : public CorePort, public ServerPort {
  public:
    Voter(asio::io_context& io,
          ServerId sid,
          const ensemble::EnsembleConfig& config,
          const Log& log)
        : election_(sid, std::make_shared<ensemble::Membership>(config), log),
          links_(io,
                 {.my_id = sid, .members = std::make_shared<ensemble::Membership>(config)},
                 *this,
                 *this,
                 log),
          timer_(io) {
        links_.start();
    }
    void search(Zxid last_zxid, Epoch epoch) {
        decided.reset();
        act([&](auto& out) { election_.start(last_zxid, epoch, clocks::steady_now(), out); });
    }
    [[nodiscard]] PeerState state() const { return election_.state(); }

    std::optional<election::Vote> decided;
    std::map<ServerId, election::Notification> last_heard;

  private:
    void post(core::Event event) override {
        const auto& told = std::get<core::NotificationReceived>(event);
        auto notification = election::decode_notification(told.body);
        ASSERT_TRUE(notification.has_value()) << notification.error().message();
        last_heard[told.from] = *notification;
        act([&](auto& out) {
            election_.on_notification(told.from, *notification, clocks::steady_now(), out);
        });
    }
    void peer_port_failed(const Error& error) override { ADD_FAILURE() << error.message(); }
    void cannot_go_on(const std::string& why) override { ADD_FAILURE() << why; }

    void act(const std::function<void(election::ElectionActions&)>& step) {
        election::ElectionActions out;
        step(out);
        for (const auto& send : out.sends) links_.notify(send.to, encode(send.notification));
        if (out.decided) decided = out.decided;
        timer_.cancel();
        const auto deadline = election_.deadline();
        if (!deadline) return;
        timer_.expires_after(std::max<Duration>(*deadline - clocks::steady_now(), 0us));
        timer_.async_wait([this](boost::system::error_code error) {
            if (!error) act([this](auto& more) { election_.on_tick(clocks::steady_now(), more); });
        });
    }

    election::Election election_;
    ElectionLinks links_;
    asio::steady_timer timer_;
};

class ElectionInterop : public testing::Test {
  protected:
    void SetUp() override {
        if (::access(kJar, R_OK) != 0 || std::system("command -v java > /dev/null") != 0) {
            GTEST_SKIP() << "Java or " << kJar << " is not installed";
        }
        std::string pattern =
            (std::filesystem::temp_directory_path() / "zk-election-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        for (const int sid : {1, 2, 3}) {
            client_ports_[sid] = free_port();
            config_.members[ServerId(sid)] = {ServerId(sid),
                                              "127.0.0.1",
                                              free_port(),
                                              free_port(),
                                              ensemble::Role::participant,
                                              {}};
        }
    }
    void TearDown() override {
        java_.clear();
        if (HasFailure()) {
            std::fprintf(stderr, "kept: %s\n", directory_.c_str());
        } else if (!directory_.empty()) {
            std::filesystem::remove_all(directory_);
        }
    }

    void start_java(int sid) {
        const std::string data = directory_ + "/data" + std::to_string(sid);
        std::filesystem::create_directories(data);
        std::ofstream(data + "/myid") << sid << "\n";
        const std::string cfg = directory_ + "/zoo" + std::to_string(sid) + ".cfg";
        std::string text = fmt::format(
            "tickTime=500\ninitLimit=10\nsyncLimit=6\ndataDir={}\nclientPort={}\n"
            "admin.enableServer=false\n4lw.commands.whitelist=*\npreAllocSize=64\n",
            data,
            client_ports_[sid]);
        for (const auto& [id, member] : config_.members) {
            text += fmt::format("server.{}={}\n", id.value(), to_string(member));
        }
        std::ofstream(cfg) << text;
        java_[sid] = std::make_unique<JavaServer>(cfg, directory_ + "/log" + std::to_string(sid));
    }

    bool run_until(const std::function<bool()>& done, std::chrono::milliseconds bound = 30s) {
        const auto end = std::chrono::steady_clock::now() + bound;
        while (!done() && std::chrono::steady_clock::now() < end) {
            io_.restart();
            io_.run_for(10ms);
        }
        return done();
    }

    /// "leader", "follower" or anything else that the word srvr says after "Mode: "; empty when it
    /// does not serve.
    std::string mode(int sid) {
        tcp::socket socket(io_);
        boost::system::error_code error;
        socket.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), client_ports_[sid]),
                       error);
        if (error) return {};
        asio::write(socket, asio::buffer("srvr", 4), error);
        std::string answer;
        socket.non_blocking(true);
        run_until(
            [&] {
                char buffer[512];
                answer.append(buffer, socket.read_some(asio::buffer(buffer), error));
                return error && error != asio::error::would_block;
            },
            2s);
        const std::size_t at = answer.find("Mode: ");
        if (at == std::string::npos) return {};
        return answer.substr(at + 6, answer.find('\n', at) - at - 6);
    }

    bool becomes(int sid, const std::string& wanted) {
        for (int i = 0; i < 150; ++i) {
            if (mode(sid) == wanted) return true;
            run_until([] { return false; }, 200ms);
        }
        return false;
    }

    std::unique_ptr<Voter> voter(int sid) {
        return std::make_unique<Voter>(io_, ServerId(sid), config_, stderr_log(LogLevel::warn));
    }

    std::string directory_;
    std::map<int, std::uint16_t> client_ports_;
    ensemble::EnsembleConfig config_;
    asio::io_context io_;
    std::map<int, std::unique_ptr<JavaServer>> java_;
};

// The larger sid has to dial both; all are empty, so it wins. Then it is gone, the others elect 2,
// and it joins them.
TEST_F(ElectionInterop, OursWithTheLargestSidIsElectedAndLaterJoins) {
    const auto& me = *config_.find(ServerId(3));
    tcp::acceptor quorum_port(io_,
                              tcp::endpoint(asio::ip::make_address("127.0.0.1"), me.quorum_port));
    int learners = 0;
    std::vector<tcp::socket> sockets;
    std::function<void(boost::system::error_code, tcp::socket)> accepted =
        [&](boost::system::error_code error, tcp::socket socket) {
            if (error) return;
            ++learners;
            sockets.push_back(std::move(socket));
            quorum_port.async_accept(accepted);
        };
    quorum_port.async_accept(accepted);

    auto ours = voter(3);
    start_java(1);
    start_java(2);
    ours->search(Zxid(0), Epoch(0));
    ASSERT_TRUE(run_until([&] { return ours->decided.has_value(); }));
    EXPECT_EQ(ours->state(), PeerState::leading);
    EXPECT_TRUE(run_until([&] { return learners >= 2; })) << "both follow us to the quorum port";

    ours.reset();
    quorum_port.close();
    sockets.clear();
    ASSERT_TRUE(becomes(2, "leader"));
    ours = voter(3);
    ours->search(Zxid(0), Epoch(0));
    ASSERT_TRUE(run_until([&] { return ours->decided.has_value(); }));
    EXPECT_EQ(ours->state(), PeerState::following);
    EXPECT_EQ(ours->decided->leader, ServerId(2));
    EXPECT_EQ(ours->decided->peer_epoch, Epoch(1)) << "the epoch of the reign, not of the election";
    const election::Notification& said = ours->last_heard.at(ServerId(2));
    EXPECT_EQ(said.state, PeerState::leading);
    EXPECT_EQ(said.config_text, to_string(config_)) << "our config text is theirs, byte for byte";
}

// The smallest sid is called back by both. The leader dies, and its vote makes the other one
// leader.
TEST_F(ElectionInterop, OursWithTheSmallestSidHelpsToElect) {
    auto ours = voter(1);
    start_java(2);
    start_java(3);
    ours->search(Zxid(0), Epoch(0));
    ASSERT_TRUE(run_until([&] { return ours->decided.has_value(); }));
    if (ours->decided->leader != ServerId(3)) {  // 3 came too late for the first round
        ASSERT_EQ(ours->decided->leader, ServerId(2));
    }
    const int leader = static_cast<int>(ours->decided->leader.value());
    const int other = leader == 3 ? 2 : 3;
    ASSERT_TRUE(becomes(leader, "leader"));
    ASSERT_TRUE(becomes(other, "follower"));

    java_.erase(leader);
    ours->last_heard.clear();
    ours->search(Zxid(0), Epoch(0));
    ASSERT_TRUE(run_until([&] { return ours->decided.has_value(); }));
    EXPECT_EQ(ours->state(), PeerState::following);
    EXPECT_EQ(ours->decided->leader, ServerId(other));
    // It says so itself when we ask again. (Java changes its state before its vote: for a moment it
    // says that it leads and names the leader before.)
    EXPECT_TRUE(run_until([&] {
        const auto heard = ours->last_heard.find(ServerId(other));
        if (heard != ours->last_heard.end() && heard->second.state == PeerState::leading &&
            heard->second.vote.leader == ServerId(other)) {
            return true;
        }
        if (ours->decided) ours->search(Zxid(0), Epoch(0));
        return false;
    }));
}

}  // namespace
}  // namespace zk::net
