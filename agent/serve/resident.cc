#include "agent_serve/resident.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <sys/file.h>

#include "agent_api/link.h"
#include "agent_host/agent_error.h"
#include "agent_host/agent_socket.h"
#include "agent_host/host_facts.h"
#include "agent_host/process.h"
#include "agent_host/server_probe.h"
#include "agent_serve/election_keeper.h"
#include "agent_serve/event_log.h"
#include "agent_serve/formation_page.h"
#include "agent_serve/health.h"
#include "agent_serve/host_looks.h"
#include "agent_serve/http_routes.h"
#include "agent_serve/identity_look.h"
#include "agent_serve/outside_look.h"
#include "agent_serve/page_listener.h"
#include "agent_serve/pages.h"
#include "agent_serve/peers.h"
#include "agent_serve/server_unit.h"
#include "agent_serve/start_leave.h"
#include "agent_serve/supervisor.h"
#include "asio_impl/await.h"
#include "clocks/clocks.h"
#include "http/http_listener.h"
#include "node_judge/node_judge.h"
#include "service_manager/service_manager.h"

namespace zk::agent_serve {
namespace {

namespace asio = boost::asio;
using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::Manager;
using agent_api::MessageType;
using asio::local::stream_protocol;
using asio_impl::kAwait;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr auto kProbeInterval = seconds(1);
constexpr auto kPollTimeout = milliseconds(700);
/// A server that left one question unanswered is asked once more before it is judged; both fit into a look.
constexpr auto kPollAgainTimeout = milliseconds(250);
/// Who asks for health is not told what was true before that.
constexpr auto kProbeCounts = milliseconds(100);
constexpr auto kLookInterval = milliseconds(100);
constexpr std::size_t kConnectionsMax = 32;

std::uint64_t elapsed_ms(Clock::time_point since) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<milliseconds>(Clock::now() - since).count());
}

}  // namespace

struct Resident::Parts {
    Parts(agent_host::StateDir state_dir, Log agent_log)
        : state(std::move(state_dir)),
          log(std::move(agent_log)),
          signals(loop, SIGTERM, SIGINT),
          acceptor(loop),
          supervisor(state,
                     log,
                     loop.get_executor(),
                     [this](agent_api::NodeSpec of) {
                         return refuse_start(loop, state, std::move(of), log);
                     }),
          keeper(state, log) {}

    Result<> open();
    asio::awaitable<void> probe_loop();
    asio::awaitable<void> look_loop();
    asio::awaitable<void> accept_loop();
    asio::awaitable<void> watchdog_loop();
    asio::awaitable<void> serve(std::shared_ptr<stream_protocol::socket> socket);
    asio::awaitable<Bytes> answer(agent_api::Message message);
    asio::awaitable<Bytes> answer_control(Bytes payload);
    Bytes answer_page_request(ByteView payload);
    asio::awaitable<void> probe_once();
    asio::awaitable<void> probe_now();
    void look_at_port(node_judge::Probe& probe);
    void take_spec();
    asio::awaitable<void> keep_elections(const node_judge::Probe& probe);
    void tell_news();
    void ask_systemd(bool answered);
    void look_outside(node_judge::Probe& probe);
    void remember_data();
    [[nodiscard]] bool is_about_spec(const agent_api::RecordedIdentity& record) const;
    bool is_recorded();
    void note_saving(const Result<>& saved);
    http::Response page_of(const http::Request& request);
    [[nodiscard]] agent_api::NodeHealth health_now() const;
    [[nodiscard]] bool is_serving() const;

    agent_host::StateDir state;
    Log log;
    asio::io_context loop{1};
    asio::signal_set signals;
    stream_protocol::acceptor acceptor;
    Supervisor supervisor;
    ElectionKeeper keeper;
    agent_host::Fd lock;
    std::size_t connections = 0;

    std::optional<agent_api::NodeSpec> spec;
    std::int64_t spec_stamp = 0;
    std::string spec_failure;  ///< why there is none though the file is there
    std::optional<node_judge::NodeJudge> judge;
    IdentityLook identity_look;
    OutsideLook outside_look;
    HostLooks host_looks{loop};
    std::uint64_t saved_history = 0;
    Clock::time_point probed_at;  ///< long ago: never, or what was found does not hold any more
    bool probing = false;
    bool formed_recorded = false;
    std::optional<agent_api::StartRefusal> refusal;  ///< as it lies in the state directory
    std::string saving_failure;  ///< why the state directory does not take what it should keep
    EventLog events;
    PageListener listener{
        loop, [this](const http::Request& request) { return page_of(request); }, log};
    Peers peers{loop, log};
    ServerUnit unit{log};
};

Resident::Resident(agent_host::StateDir state, Log log)
    : parts_(std::make_unique<Parts>(std::move(state), std::move(log))) {}
Resident::~Resident() = default;

Result<> Resident::run() {
    Parts& parts = *parts_;
    ZK_CHECK(parts.open());
    parts.take_spec();
    auto end = [&parts](const boost::system::error_code& code, int signal) {
        if (code) return;
        parts.log.info("agent.stops signal={}", signal);
        service_manager::tell_stopping();
        parts.loop.stop();
    };
    parts.signals.async_wait(std::move(end));
    asio::co_spawn(parts.loop, parts.accept_loop(), asio::detached);
    asio::co_spawn(parts.loop, parts.look_loop(), asio::detached);
    asio::co_spawn(parts.loop, parts.probe_loop(), asio::detached);
    asio::co_spawn(parts.loop, parts.watchdog_loop(), asio::detached);
    service_manager::tell_ready();
    parts.loop.run();
    return ok();
}

Result<> Resident::Parts::open() {
    std::signal(SIGPIPE, SIG_IGN);
    ZK_CHECK(state.prepare());
    lock = agent_host::Fd(
        ::open(state.file("agent.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock.is_open()) return agent_host::system_error("open " + state.file("agent.lock"));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return Error(Errc::refused, "another agent is resident in " + state.path());
    }
    const auto own = agent_host::process_info(::getpid());
    if (!own) return Error(Errc::failed, "/proc does not tell about this process");
    ZK_CHECK(agent_host::write_pid_file(state.agent_pid_file(), own->id));
    ZK_TRY(agent_host::Fd listening, agent_host::listen_on_agent_socket(state));
    boost::system::error_code code;
    acceptor.assign(stream_protocol(), listening.release(), code);
    if (code) return Error(code, "listen on the agent's socket");
    log.info("agent.started version={} pid={} state_dir={}",
             agent_host::agent_version(),
             own->id.pid,
             state.path());
    return ok();
}

asio::awaitable<void> Resident::Parts::watchdog_loop() {
    const auto interval = service_manager::watchdog_interval();
    if (!interval) co_return;
    asio::steady_timer timer(loop);
    for (;;) {
        service_manager::tell_alive();
        timer.expires_after(*interval);
        co_await timer.async_wait(kAwait);
    }
}

void Resident::Parts::take_spec() {
    const std::int64_t stamp = state.spec_stamp();
    if (stamp == 0 || (spec && stamp == spec_stamp)) return;
    auto read = state.load_spec();
    if (!read.has_value() && spec_failure.empty()) {
        log.error("spec.unreadable why={}", read.error().message());
    }
    spec_failure = read.has_value() ? std::string() : read.error().message();
    if (!read.has_value() || !*read) return;
    auto loaded = *std::move(read);
    spec_stamp = stamp;
    const bool same_node = spec && spec->cluster == loaded->cluster && spec->sid == loaded->sid;
    spec = std::move(loaded);
    formed_recorded = false;
    identity_look = IdentityLook();
    outside_look.forget();
    host_looks.forget();
    unit.forget();
    if (!same_node) {
        judge.emplace(judge_settings(*spec));
        probed_at = Clock::time_point();
        auto history = state.load_history();
        keeper.open(*spec, history);
        events = EventLog();
        events.restore(keeper.kept().records);
        judge->restore(std::move(history));
        saved_history = 0;
    } else {
        judge->move_to(judge_settings(*spec).self);
    }
    if (spec->manager == Manager::supervised) supervisor.adopt(*spec);
}

asio::awaitable<void> Resident::Parts::look_loop() {
    asio::steady_timer timer(loop);
    for (;;) {
        if (spec && spec->manager == Manager::supervised) supervisor.look();
        timer.expires_after(kLookInterval);
        co_await timer.async_wait(kAwait);
    }
}

asio::awaitable<void> Resident::Parts::probe_loop() {
    asio::steady_timer timer(loop);
    for (;;) {
        const auto next = Clock::now() + kProbeInterval;
        take_spec();
        listener.tend(spec ? &*spec : nullptr);
        if (spec && !probing) co_await probe_once();
        timer.expires_at(next);
        co_await timer.async_wait(kAwait);
    }
}

asio::awaitable<void> Resident::Parts::probe_once() {
    probing = true;
    const agent_api::NodeSpec probed = *spec;
    const std::int64_t stamp = spec_stamp;
    auto answer = co_await agent_host::async_probe_twice(
        probed.address, probed.client_port, kPollTimeout, kPollAgainTimeout);
    // What was asked by another specification is no answer to this one.
    if (spec_stamp != stamp) {
        probing = false;
        co_return;
    }
    node_judge::Probe probe;
    fill_answer(probe, std::move(answer));
    if (probed.manager == Manager::supervised) {
        probe.restarts = supervisor.restarts();
        probe.stopped_on_purpose = !supervisor.wants_server();
        probe.next_start_ms = supervisor.next_start_ms();
        fill_process(probe, supervisor.pid());
    } else {
        ask_systemd(probe.answered);
        unit.fill(probe);
        look_outside(probe);
    }
    co_await host_looks.fill(&probe, probed);
    if (spec_stamp != stamp) {
        probing = false;
        co_return;
    }
    peers.look_at_clocks(probed);
    probe.clocks = peers.clocks();
    const bool due = identity_look.is_due(probe);
    if (due) look_at_port(probe);
    if (due && probe.serving) {
        auto conf =
            co_await agent_host::async_ask_conf(probed.address, probed.client_port, kPollTimeout);
        if (spec_stamp != stamp) {
            probing = false;
            co_return;
        }
        identity_look.take(std::move(conf));
    }
    identity_look.fill(probe, probed);
    const auto before = judge->health().verdict;
    const auto& health = judge->step(probe);
    if (health.conflict) identity_look.look_again();
    probed_at = Clock::now();
    if (health.verdict != before) {
        log.info("server.verdict now={} before={} role={}",
                 agent_api::to_string(health.verdict),
                 agent_api::to_string(before),
                 agent_api::to_string(health.role));
    }
    if (judge->history_version() != saved_history) {
        const auto saved = state.save_history(health.history);
        note_saving(saved);
        if (saved.has_value()) saved_history = judge->history_version();
    }
    if (!host_looks.is_silent()) remember_data();
    refusal = probe.process ? std::nullopt : state.standing_refusal();
    co_await keep_elections(probe);
    tell_news();
    probing = false;
}

void Resident::Parts::tell_news() {
    listener.publish(events.note(judge->health(), keeper.kept().records));
}

/// The server is asked for its votes when something changed, before what it says is forgotten.
asio::awaitable<void> Resident::Parts::keep_elections(const node_judge::Probe& probe) {
    const agent_api::NodeSpec asked = *spec;
    // The process may have ended since the last look at it.
    supervisor.reap();
    keeper.take_end(supervisor.last_end());
    if (keeper.wants_searches(judge->health(), probe)) {
        auto answer = co_await agent_host::async_ask_elections(
            asked.address, asked.client_port, asked.sid, kPollTimeout);
        // Meanwhile this may have become another node.
        if (spec->cluster != asked.cluster || spec->sid != asked.sid) co_return;
        keeper.take_searches(answer);
    }
    const bool supervised = asked.manager == Manager::supervised;
    keeper.step(judge->health(), probe, supervised || !unit.is_silent());
}

void Resident::Parts::look_at_port(node_judge::Probe& probe) {
    if (spec->container) return;  // a listener in a network of its own is not to be seen from here
    if (spec->manager == Manager::systemd && !probe.process) {
        // What was known of the process may be two seconds old, and it may listen by now.
        unit.forget();
        ask_systemd(probe.answered);
        look_outside(probe);
        if (unit.is_silent()) return;
    }
    identity_look.look_at_port(probe, *spec);
}

/// For somebody who asks: a server that was started a moment ago is not told to be stopped.
asio::awaitable<void> Resident::Parts::probe_now() {
    asio::steady_timer pause(loop);
    while (probing) {
        pause.expires_after(milliseconds(5));
        co_await pause.async_wait(kAwait);
    }
    take_spec();
    if (!spec || Clock::now() - probed_at < kProbeCounts) co_return;
    unit.forget_if_stopped();
    co_await probe_once();
}

/// Once the server has stored something, this host's record says so, and outlives that data.
void Resident::Parts::remember_data() {
    if (formed_recorded) return;
    const auto data = agent_host::read_data_fact(spec->data_dir, spec->log_dir);
    if (data.state != agent_api::DataState::data) return;
    if (is_recorded()) return;
    // Only with the lock: a session that writes the record at this moment would undo this, or be
    // undone. The next look comes in a second.
    const auto change = state.lock(milliseconds(0));
    if (!change.has_value() || is_recorded()) return;
    auto identity = state.load_identity();
    if (!identity.has_value()) return note_saving(identity.error());
    if (!*identity || !is_about_spec(**identity)) return;
    (*identity)->formed = (*identity)->stored = true;
    note_saving(state.save_identity(**identity));
}

bool Resident::Parts::is_about_spec(const agent_api::RecordedIdentity& record) const {
    return record.cluster == spec->cluster && record.sid == spec->sid;
}

bool Resident::Parts::is_recorded() {
    const auto identity = state.load_identity();
    formed_recorded = identity.has_value() && *identity && (*identity)->formed &&
                      (*identity)->stored && is_about_spec(**identity);
    return formed_recorded;
}

/// Each look tries again; the log says it once.
void Resident::Parts::note_saving(const Result<>& saved) {
    const std::string failure = saved.has_value() ? std::string() : saved.error().message();
    if (!failure.empty() && saving_failure.empty()) log.error("state.unsaved why={}", failure);
    saving_failure = failure;
}

void Resident::Parts::ask_systemd(bool answered) {
    const auto told = unit.look(*spec, answered, refusal.has_value());
    if (told) keeper.take_unit(*told);
}

/// The server's process: the unit's, or that of a server outside of it.
void Resident::Parts::look_outside(node_judge::Probe& probe) {
    const auto& server = outside_look.look(*spec, unit.pid(), probe.answered);
    probe.outside = server ? words_of(*server) : std::string();
    fill_process(probe, server ? server->pid : unit.pid());
}

http::Response Resident::Parts::page_of(const http::Request& request) {
    if (spec && request.target == "/v1/formation") {
        return formation_page(state, *spec, is_serving());
    }
    const auto health = health_now();
    auto page = answer_page(request, spec ? &*spec : nullptr, health, peers);
    return page ? *std::move(page) : answer_http(request, health, events, keeper.kept());
}

agent_api::NodeHealth Resident::Parts::health_now() const {
    agent_api::NodeHealth health;
    if (judge) {
        health = judge->health();
        health.causes = agent_api::causes_of(keeper.kept().records);
    } else {
        add_finding(health, nothing_installed(spec_failure));
    }
    health.agent_version = agent_host::agent_version();
    health.agent_pid = ::getpid();
    if (const auto own = agent_host::process_info(::getpid())) {
        health.agent_rss_bytes = own->rss_bytes;
    }
    health.source = agent_api::HealthSource::agent;
    health.age_ms = elapsed_ms(probed_at);
    // The clock may have begun a moment ago.
    const bool looked = probed_at != Clock::time_point();
    if (!looked) health.age_ms = std::max(health.age_ms, agent_api::kFreshMsMax + 1);
    health.wall_ms = clocks::wall_now();
    if (refusal) {
        add_finding(health,
                    agent_api::make_finding("node.replaced",
                                            agent_api::FindingLevel::critical,
                                            "its server must not start: " + refusal->words));
    }
    if (!listener.failure().empty()) {
        add_finding(health,
                    agent_api::make_finding("agent.pages",
                                            agent_api::FindingLevel::warning,
                                            "the agent's pages: " + listener.failure()));
    }
    const std::string& unsaved = saving_failure.empty() ? keeper.failure() : saving_failure;
    if (!unsaved.empty()) {
        add_finding(health,
                    agent_api::make_finding("agent.unsaved",
                                            agent_api::FindingLevel::warning,
                                            "the agent cannot keep its history: " + unsaved));
    }
    if (!keeper.damage().empty()) {
        add_finding(health,
                    agent_api::make_finding(
                        "agent.elections",
                        agent_api::FindingLevel::note,
                        "what was kept of elections could not be read: " + keeper.damage()));
    }
    return health;
}

bool Resident::Parts::is_serving() const {
    const auto health = health_now();
    return agent_api::is_fresh(health) && health.verdict == agent_api::NodeVerdict::serving;
}

asio::awaitable<void> Resident::Parts::accept_loop() {
    for (;;) {
        auto socket = std::make_shared<stream_protocol::socket>(loop);
        auto [failed] = co_await acceptor.async_accept(*socket, kAwait);
        if (failed) {
            asio::steady_timer pause(loop, milliseconds(100));
            co_await pause.async_wait(kAwait);
            continue;
        }
        if (connections >= kConnectionsMax) continue;
        auto job = [this, socket]() -> asio::awaitable<void> { co_await serve(socket); };
        asio::co_spawn(loop, std::move(job), asio::detached);
    }
}

asio::awaitable<void> Resident::Parts::serve(std::shared_ptr<stream_protocol::socket> socket) {
    ++connections;
    agent_api::FrameDecoder decoder;
    std::array<char, 16384> buffer{};
    for (;;) {
        auto message = decoder.next();
        if (!message.has_value()) break;
        if (*message) {
            const Bytes frame = co_await answer(**message);
            auto [unsent, sent] = co_await asio::async_write(*socket, asio::buffer(frame), kAwait);
            if (unsent) break;
            continue;
        }
        auto [failed, size] = co_await socket->async_read_some(asio::buffer(buffer), kAwait);
        if (failed) break;
        decoder.feed(ByteView(buffer.data(), size));
    }
    --connections;
}

asio::awaitable<Bytes> Resident::Parts::answer(agent_api::Message message) {
    if (message.type == MessageType::hello) {
        agent_api::HelloOk hello;
        hello.agent_version = agent_host::agent_version();
        hello.agent_sha256 = agent_host::own_sha256();
        hello.state_dir = state.path();
        hello.pid = ::getpid();
        co_return agent_api::encode_frame(MessageType::hello_ok, agent_api::to_json(hello));
    }
    if (message.type == MessageType::health_request) {
        co_await probe_now();
        const auto health = health_now();
        co_return agent_api::encode_frame(MessageType::health, agent_api::to_json(health));
    }
    if (message.type == MessageType::control) co_return co_await answer_control(message.payload);
    if (message.type == MessageType::page_request) co_return answer_page_request(message.payload);
    AgentError error;
    error.code = AgentErrc::unsupported;
    error.words = "the resident agent does not take messages of this type";
    co_return agent_api::encode_frame(MessageType::error, agent_api::to_json(error));
}

/// For who reaches this host but no listener of its agent: `zkprov ui`.
Bytes Resident::Parts::answer_page_request(ByteView payload) {
    const auto request = agent_api::parse_payload<agent_api::PageRequest>(payload);
    AgentError error;
    error.code = AgentErrc::invalid;
    if (!request.has_value()) {
        error.words = request.error().message();
        return agent_api::encode_frame(MessageType::error, agent_api::to_json(error));
    }
    auto response = page_of(
        {.target = request->target, .accept = {}, .last_event_id = {}, .authorization = {}});
    if (response.stream) {
        error.words = "a stream of events is at the agent's listener only";
        return agent_api::encode_frame(MessageType::error, agent_api::to_json(error));
    }
    agent_api::Page page;
    page.status = static_cast<std::int32_t>(response.status);
    page.content_type = std::move(response.content_type);
    page.body = std::move(response.body);
    return agent_api::encode_frame(MessageType::page, agent_api::to_json(page));
}

asio::awaitable<Bytes> Resident::Parts::answer_control(Bytes payload) {
    Result<> result = ok();
    const auto request = agent_api::parse_payload<agent_api::Control>(payload);
    take_spec();
    if (!request.has_value()) {
        result = request.error();
    } else if (!spec || spec->manager != Manager::supervised) {
        result = Error(Errc::unsupported, "the server of this host is not supervised by its agent");
    } else if (request->action == agent_api::ControlAction::start) {
        result = co_await supervisor.start();
    } else if (request->action == agent_api::ControlAction::restart) {
        result = co_await supervisor.restart();
    } else if (request->action == agent_api::ControlAction::stop) {
        result = co_await supervisor.stop();
    } else {
        result = Error(Errc::unsupported, "the resident agent does not do that");
    }
    probed_at = Clock::time_point();  // what was seen before is not true any more
    if (!result.has_value()) {
        const AgentError error = agent_host::to_agent_error(result.error());
        co_return agent_api::encode_frame(MessageType::error, agent_api::to_json(error));
    }
    co_return agent_api::encode_frame(MessageType::done, agent_api::to_json(agent_api::Done()));
}

}  // namespace zk::agent_serve
