#include "node_fixture.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <thread>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent_host/process.h"

namespace zk::agent_serve {

using agent_api::MessageType;

std::uint16_t free_port() {
    const agent_host::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        std::abort();
    }
    return ntohs(address.sin_port);
}

std::string text_of(const agent_api::ApplyDone& done) { return agent_api::to_json(done); }

AgentSession::AgentSession(const std::string& state_dir) {
    std::signal(SIGPIPE, SIG_IGN);
    int input[2];
    int output[2];
    if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::dup2(input[0], 0);
        ::dup2(output[1], 1);
        ::execl(AGENT,
                AGENT,
                "connect",
                "--stdio",
                "--state-dir",
                state_dir.c_str(),
                static_cast<char*>(nullptr));
        ::_exit(127);
    }
    ::close(input[0]);
    ::close(output[1]);
    to_ = agent_host::Fd(input[1]);
    from_ = agent_host::Fd(output[0]);
}
AgentSession::~AgentSession() {
    if (pid_ > 0) end();
}

void AgentSession::send(MessageType type, ByteView payload) {
    send_raw(agent_api::encode_frame(type, payload));
}
void AgentSession::send_raw(ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t size = ::write(to_.get(), bytes.data(), bytes.size());
        if (size <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
}
agent_api::Message AgentSession::receive() {
    std::array<char, 65536> buffer{};
    for (;;) {
        auto message = decoder_.next();
        if (!message.has_value()) throw std::runtime_error(message.error().words);
        if (*message && (*message)->type == MessageType::event) {
            events.push_back(*agent_api::parse_payload<agent_api::Event>((*message)->payload));
            continue;
        }
        if (*message) return **message;
        const ssize_t size = ::read(from_.get(), buffer.data(), buffer.size());
        if (size <= 0) throw std::runtime_error("the agent ended");
        decoder_.feed(ByteView(buffer.data(), static_cast<std::size_t>(size)));
    }
}
agent_api::Message AgentSession::ask(MessageType type, ByteView payload) {
    send(type, payload);
    return receive();
}
agent_api::LockState AgentSession::lock(agent_api::LockAction action, std::uint64_t number) {
    agent_api::LockRequest request;
    request.action = action;
    request.number = number;
    request.holder = {"demo", "apply", "ana", "ops1", 4711, "", WallMs(0)};
    const auto answer = ask(MessageType::lock, agent_api::to_json(request));
    if (answer.type != MessageType::lock_state) throw std::runtime_error(answer.payload);
    return *agent_api::parse_payload<agent_api::LockState>(answer.payload);
}
void AgentSession::take_run_lock() {
    agent_api::LockState state;
    // The session before this one may just be ending.
    for (int tries = 0; tries < 500 && !state.yours; ++tries) {
        if (tries > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        state = lock(agent_api::LockAction::take);
    }
    if (!state.yours) throw std::runtime_error("another session has the lock");
    lock(agent_api::LockAction::number, state.number + 1);
}
int AgentSession::end() {
    to_ = agent_host::Fd();
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
void AgentSession::kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

NodeFixture::NodeFixture() : state_("") {
    char name[] = "/tmp/zk-agent-XXXXXX";
    dir_ = ::mkdtemp(name);
    state_ = agent_host::StateDir(dir_ + "/state");
    spec_.cluster = "demo";
    spec_.generation = "g1";
    spec_.sid = ServerId(1);
    spec_.host = "127.0.0.1";
    spec_.manager = agent_api::Manager::supervised;
    spec_.formation = agent_api::Formation::form;
    spec_.install_dir = dir_ + "/node";
    spec_.data_dir = dir_ + "/node/data";
    spec_.log_dir = dir_ + "/node/logs";
    spec_.conf_path = dir_ + "/node/conf/zoo.cfg";
    spec_.address = "127.0.0.1";
    spec_.client_port = free_port();
    spec_.peer_port = free_port();
    spec_.election_port = free_port();
    spec_.release.version = "0.1.0";
    spec_.release.sha256 = *agent_host::sha256_of_file(FAKE_SERVER);
    spec_.release.size = std::filesystem::file_size(FAKE_SERVER);
    spec_.directories = {
        {spec_.install_dir, 0755, ""}, {spec_.data_dir, 0750, ""}, {spec_.log_dir, 0750, ""}};
    spec_.files = {{spec_.conf_path,
                    0640,
                    "",
                    "dataDir=" + spec_.data_dir + "\ndataLogDir=" + spec_.log_dir +
                        "\nclientPort=" + std::to_string(spec_.client_port) + "\n",
                    agent_api::FileKind::config},
                   {spec_.data_dir + "/myid", 0640, "", "1\n", agent_api::FileKind::config}};
}

NodeFixture::~NodeFixture() {
    if (agent_host::exists(state_.file("spec.json"))) control(agent_api::ControlAction::stop);
    (void)agent_host::run_command({"rm", "-rf", dir_}, std::chrono::seconds(30));
}

void NodeFixture::send_release(AgentSession& session, const agent_api::NodeSpec& spec) {
    session.take_run_lock();
    agent_api::BlobBegin begin;
    begin.sha256 = spec.release.sha256;
    begin.size = spec.release.size;
    begin.install_dir = spec.install_dir;
    const auto answer = session.ask(MessageType::blob_begin, agent_api::to_json(begin));
    if (answer.type == MessageType::blob_ok) return;
    ASSERT_EQ(answer.type, MessageType::blob_want) << answer.payload;
    const auto want = agent_api::parse_payload<agent_api::BlobWant>(answer.payload);
    const auto content = agent_host::read_file(FAKE_SERVER, 1UL << 30);
    ByteView rest = ByteView(*content).substr(want->offset);
    while (!rest.empty()) {
        const ByteView part = rest.substr(0, agent_api::kBlobChunkBytes);
        session.send(MessageType::blob_chunk, part);
        rest.remove_prefix(part.size());
    }
    const auto done = session.ask(MessageType::blob_end, ByteView());
    ASSERT_EQ(done.type, MessageType::blob_ok) << done.payload;
}

agent_api::ApplyDone NodeFixture::apply(const agent_api::NodeSpec& spec, bool dry) {
    AgentSession session(state_.path());
    const auto current = agent_host::sha256_of_file(spec.server_path());
    const bool there = current.has_value() && *current == spec.release.sha256;
    if (!dry) session.take_run_lock();
    if (!dry && !there) send_release(session, spec);
    agent_api::Apply request;
    request.spec = spec;
    request.dry = dry;
    const auto answer = session.ask(MessageType::apply, agent_api::to_json(request));
    EXPECT_EQ(answer.type, MessageType::apply_done) << answer.payload;
    return *agent_api::parse_payload<agent_api::ApplyDone>(answer.payload);
}

agent_api::NodeFacts NodeFixture::facts(const agent_api::NodeSpec& spec) {
    AgentSession session(state_.path());
    const auto answer =
        session.ask(MessageType::facts_request, agent_api::to_json(agent_api::facts_for(spec)));
    EXPECT_EQ(answer.type, MessageType::facts) << answer.payload;
    return *agent_api::parse_node_facts(answer.payload);
}

agent_api::NodeHealth NodeFixture::health() {
    AgentSession session(state_.path());
    const auto answer = session.ask(MessageType::health_request, ByteView());
    EXPECT_EQ(answer.type, MessageType::health) << answer.payload;
    return *agent_api::parse_node_health(answer.payload);
}

agent_api::Message NodeFixture::control(agent_api::ControlAction action) {
    AgentSession session(state_.path());
    session.take_run_lock();
    agent_api::Control request;
    request.action = action;
    return session.ask(MessageType::control, agent_api::to_json(request));
}

bool NodeFixture::await_verdict(agent_api::NodeVerdict verdict) {
    for (int tries = 0; tries < 200; ++tries) {
        if (health().verdict == verdict) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
}

std::size_t NodeFixture::starts() const {
    const auto text = agent_host::read_file(spec_.data_dir + "/starts");
    if (!text.has_value()) return 0;
    return static_cast<std::size_t>(std::count(text->begin(), text->end(), '\n'));
}
std::int64_t NodeFixture::server_pid() const {
    const auto process = agent_host::read_pid_file(state_.server_pid_file());
    return process && agent_host::is_alive(*process) ? process->pid : 0;
}
std::int64_t NodeFixture::agent_pid() const {
    const auto process = agent_host::read_pid_file(state_.agent_pid_file());
    return process && agent_host::is_alive(*process) ? process->pid : 0;
}
std::vector<std::string> NodeFixture::leftovers() const {
    std::vector<std::string> found;
    // The resident agent may be writing one of its files at this moment: that is none yet.
    for (int tries = 0; tries < 20; ++tries) {
        found.clear();
        std::error_code gone;
        for (std::filesystem::recursive_directory_iterator entry(dir_, gone), end;
             !gone && entry != end;
             entry.increment(gone)) {
            const std::string path = entry->path().string();
            if (path.find(".zkprov-new") != std::string::npos) found.push_back(path);
        }
        if (!gone && found.empty()) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return found;
}

}  // namespace zk::agent_serve
