#include "first_boot/first_boot.h"

#include <csignal>
#include <cstdio>
#include <deque>
#include <fcntl.h>
#include <memory>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sys/file.h>

#include "agent_api/agent_errc.h"
#include "agent_api/formation_word.h"
#include "agent_host/host_facts.h"
#include "agent_host/posix.h"
#include "agent_host/random.h"
#include "asio_impl/await.h"
#include "clocks/clocks.h"
#include "first_boot/node_setup.h"
#include "http/http_get.h"
#include "http/http_listener.h"
#include "inventory/render.h"
#include "join/join.h"

namespace zk::first_boot {
namespace {

namespace asio = boost::asio;
using agent_api::JoinReport;
using agent_api::JoinStage;
using asio::ip::tcp;
using asio_impl::kAwait;
using http::Response;

constexpr auto kTick = std::chrono::milliseconds(1000);
constexpr auto kAskPatience = std::chrono::milliseconds(2000);
/// Others ask once a second, and wait kAskPatience for who does not answer.
constexpr auto kSaysAfterRefusal = std::chrono::seconds(10);
constexpr std::size_t kGenerationBytes = 8;

Result<join::Settings> settings_of(const Request& request) {
    join::Settings settings;
    settings.cluster = request.inventory.cluster;
    settings.members_hash = inventory::members_digest(request.inventory);
    for (const inventory::Node& node : request.inventory.nodes) settings.members[node.id] = true;
    settings.node = request.node;
    // Servers that share a machine say nothing by it.
    const bool local = request.inventory.transport == inventory::Transport::local;
    if (!local) settings.machine = agent_host::machine_hash();
    ZK_TRY(settings.fresh_nonce, agent_host::new_nonce());
    // No clock in it: those of hosts that boot for the first time may be wrong.
    ZK_TRY(const std::string random, agent_host::random_hex(kGenerationBytes));
    settings.fresh_generation = random + "-" + settings.members_hash;
    ZK_TRY(settings.fresh_incarnation.id, agent_host::random_hex(kGenerationBytes));
    settings.fresh_incarnation.made_at = clocks::wall_now();
    settings.patience = request.patience;
    return settings;
}

/// One line of text for people, whatever it is told.
void say(const std::string& line) {
    std::printf("zkprov join: %s\n", line.c_str());
    std::fflush(stdout);
}

class Joiner {
  public:
    Joiner(Request request, join::Settings settings, Log log)
        : state_(request.state_dir),
          log_(std::move(log)),
          setup_(std::move(request.inventory),
                 state_,
                 std::move(request.server_program),
                 [this](const agent_api::Event& event) { tell(event); }),
          settings_(std::move(settings)),
          signals_(loop_, SIGTERM, SIGINT) {}

    Result<JoinReport> run();

  private:
    Result<> begin();
    asio::awaitable<void> tick_loop();
    asio::awaitable<void> ask(agent_api::MemberSpec member);
    void feed(join::Event event);
    void carry_out(const join::Effect& effect);
    join::Event answer_of(const join::Effect& effect);
    void tell(const agent_api::Event& event) const;
    void publish();
    void tell(const JoinReport& report);
    void tend_listener();
    Response answer(const http::Request& request) const;

    agent_host::StateDir state_;
    Log log_;
    NodeSetup setup_;
    join::Settings settings_;
    std::optional<join::Join> join_;
    asio::io_context loop_{1};
    asio::signal_set signals_;
    std::optional<http::HttpListener> http_;
    std::string http_failure_;
    bool brought_up_ = false;  ///< the resident agent runs
    std::deque<join::Event> events_;
    bool feeding_ = false;
    int signal_ = 0;
    bool taken_over_ = false;  ///< by a controller, while this one waited
    std::optional<JoinReport> published_;
    std::set<std::string> warned_;
};

Result<> Joiner::begin() {
    std::signal(SIGPIPE, SIG_IGN);
    std::vector<std::string> made;
    ZK_CHECK(agent_host::make_directories(state_.socket_dir(), 0700, made));
    auto record = setup_.load();
    if (!record.has_value()) {
        // Somebody has to mend it, and will look for the reason in the report.
        JoinReport report;
        report.stage = JoinStage::failed;
        report.cluster = settings_.cluster;
        report.words = record.error().message();
        tell(report);
        return ok();
    }
    join_.emplace(settings_, *std::move(record));
    publish();  // in the place of what an earlier one has left
    return ok();
}

Result<JoinReport> Joiner::run() {
    ZK_CHECK(begin());
    if (!join_) return *published_;
    signals_.async_wait([this](const boost::system::error_code& code, int signal) {
        if (code) return;
        signal_ = signal;
        loop_.stop();
    });
    asio::co_spawn(loop_, tick_loop(), asio::detached);
    loop_.run();
    http_.reset();
    if (signal_ != 0) return Error(Errc::failed, "stopped by signal " + std::to_string(signal_));
    if (!taken_over_) return join_->report();
    JoinReport report = join_->report();
    report.stage = JoinStage::done;
    report.way = agent_api::JoinWay::none;
    report.words = "zkprov apply has taken this node over";
    tell(report);
    return report;
}

asio::awaitable<void> Joiner::tick_loop() {
    asio::steady_timer timer(loop_);
    std::optional<std::chrono::steady_clock::time_point> silent_from;
    for (;;) {
        const auto next = std::chrono::steady_clock::now() + kTick;
        taken_over_ = state_.join_ended();
        if (!taken_over_) feed(join::Tick());
        if (!taken_over_) tend_listener();
        const JoinStage stage = join_->stage();
        if (taken_over_ || stage == JoinStage::done) break;
        if (stage == JoinStage::failed) {
            // Of two that were installed anew the first to refuse would leave the other waiting for its Word.
            if (!silent_from) silent_from = next - kTick + kSaysAfterRefusal;
            if (!join_->refused() || next > *silent_from) break;
        }
        timer.expires_at(next);
        co_await timer.async_wait(kAwait);
    }
    loop_.stop();
}

/// REQUIRES: on the loop. What an event leads to is done before the next one is taken.
void Joiner::feed(join::Event event) {
    events_.push_back(std::move(event));
    if (feeding_) return;
    feeding_ = true;
    while (!events_.empty()) {
        const join::Event next = std::move(events_.front());
        events_.pop_front();
        const join::Effects effects = join_->on(next, clocks::steady_now());
        publish();
        for (const join::Effect& effect : effects) carry_out(effect);
    }
    feeding_ = false;
}

void Joiner::carry_out(const join::Effect& effect) {
    const auto* question = std::get_if<join::Ask>(&effect);
    if (question == nullptr) {
        if (std::holds_alternative<join::BringUp>(effect)) http_.reset();  // the resident's now
        events_.push_back(answer_of(effect));
        return;
    }
    for (const agent_api::MemberSpec& member : setup_.spec()->members) {
        if (member.sid != question->sid) continue;
        asio::co_spawn(loop_, ask(member), asio::detached);
    }
}

template <class T>
join::Event event_of(Result<T> result) {
    if (!result.has_value()) return join::Done{result.error().message()};
    return *std::move(result);
}
join::Event event_of(const Result<>& result) {
    return join::Done{result.has_value() ? std::string() : result.error().message()};
}

join::Event Joiner::answer_of(const join::Effect& effect) {
    if (std::holds_alternative<join::FindAddresses>(effect)) {
        return event_of(setup_.find_addresses());
    }
    if (const auto* what = std::get_if<join::Look>(&effect))
        return event_of(setup_.look(what->sid));
    if (std::holds_alternative<join::Fetch>(effect)) return event_of(setup_.fetch());
    if (const auto* what = std::get_if<join::Store>(&effect)) {
        return event_of(setup_.store(what->record));
    }
    if (std::holds_alternative<join::SetMark>(effect)) return event_of(setup_.set_mark());
    if (std::holds_alternative<join::TakeMark>(effect)) return event_of(setup_.take_mark());
    if (const auto* what = std::get_if<join::BringUp>(&effect)) {
        const auto done = setup_.bring_up(*what);
        brought_up_ = done.has_value();
        if (brought_up_) return join::Done{};
        const auto why = agent_api::agent_errc(done.error());
        return join::Done{
            done.error().message(),
            why == agent_api::AgentErrc::identity_conflict || why == agent_api::AgentErrc::unsafe};
    }
    return setup_.look_at_server();
}

constexpr std::size_t kAddressesMax = 4;  ///< of one name
const std::size_t kUnheard = join::Event(join::Unheard()).index();

/// What answers at a member's address is not believed to be that member: Join looks at what it says.
asio::awaitable<void> Joiner::ask(agent_api::MemberSpec member) {
    join::Event event = join::Unheard{member.sid};
    tcp::resolver resolver(loop_);
    auto [unknown, found] = co_await resolver.async_resolve(
        member.http_address, std::to_string(member.http_port), kAwait);
    std::size_t tried = 0;
    for (const auto& entry : found) {
        if (unknown || event.index() != kUnheard || ++tried > kAddressesMax) break;
        const auto page = co_await http::async_get(loop_.get_executor(),
                                                   entry.endpoint().address().to_string(),
                                                   member.http_port,
                                                   "/v1/formation",
                                                   kAskPatience,
                                                   agent_api::kWordBytesMax);
        if (page.has_value() && page->status == 200) {
            auto word = agent_api::parse_formation_word(page->body);
            if (word.has_value()) {
                event = join::Heard{*std::move(word), member.sid};
            } else {
                log_.warn("join.strange_word from={} why={}", member.sid, word.error().message());
            }
        }
    }
    feed(std::move(event));
}

void Joiner::tell(const agent_api::Event& event) const {
    if (event.state == agent_api::StepState::begun) return;
    say((event.state == agent_api::StepState::failed ? "failed: " : "") + event.words);
}

void Joiner::publish() {
    JoinReport report = join_->report();
    if (!http_failure_.empty()) report.warnings.push_back(http_failure_);
    if (published_ != report) tell(report);
}

void Joiner::tell(const JoinReport& report) {
    const std::string words = agent_api::words_of(report);
    if (!published_ || agent_api::words_of(*published_) != words) say(words);
    for (const std::string& warning : report.warnings) {
        if (warned_.insert(warning).second) say("warning: " + warning);
    }
    const auto written = agent_host::replace_file(
        report_file(state_), agent_api::to_json(report) + "\n", agent_host::FileOptions());
    if (!written.has_value()) log_.error("join.unreported why={}", written.error().message());
    published_ = report;
}

/// Listens where the resident agent will. Where that one runs already, it answers.
void Joiner::tend_listener() {
    const auto& spec = setup_.spec();
    if (!spec || spec->http_port == 0 || !join_->word() || brought_up_) return;
    if (http_ && http_->port() != 0) return;
    if (!http_) {
        http::Settings settings;
        settings.address = spec->http_address;
        settings.port = spec->http_port;
        settings.names = {spec->host};
        auto answers = [this](const http::Request& request) { return answer(request); };
        http_.emplace(loop_.get_executor(), std::move(settings), std::move(answers), log_);
    }
    const auto started = http_->start();
    // After a reboot the resident agent may hold the port, and says the same.
    const bool fails = !started.has_value() && join_->report().generation.empty();
    http_failure_ = fails ? started.error().message() : std::string();
    publish();
}

Response Joiner::answer(const http::Request& request) const {
    Response response;
    response.content_type = "application/json";
    if (request.target == "/v1/join") {
        response.body = agent_api::to_json(join_->report()) + "\n";
        return response;
    }
    const auto word = join_->word();
    if (request.target == "/v1/formation" && word) {
        response.body = agent_api::to_json(*word) + "\n";
        return response;
    }
    response.status = 503;
    response.content_type = "text/plain; charset=utf-8";
    response.body = "this node joins its ensemble: here are /v1/formation and /v1/join\n";
    return response;
}

}  // namespace

std::string report_file(const agent_host::StateDir& state) {
    return state.socket_dir() + "/join.json";
}

Result<JoinReport> join_ensemble(Request request, Log log) {
    const agent_host::StateDir state(request.state_dir);
    ZK_CHECK(state.prepare());
    const agent_host::Fd lock(
        ::open(state.file("join.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock.is_open()) return agent_host::system_error("open " + state.file("join.lock"));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return Error(Errc::refused,
                     "another join runs on this host; see: zkprov-agent join-status");
    }
    if (state.join_ended()) {
        JoinReport report;
        report.stage = JoinStage::done;
        report.cluster = request.inventory.cluster;
        report.words = "this node has joined before; zkprov apply changes it from here on";
        say(report.words);
        return report;
    }
    ZK_TRY(join::Settings settings, settings_of(request));
    Joiner joiner(std::move(request), std::move(settings), std::move(log));
    ZK_TRY(JoinReport report, joiner.run());
    if (report.stage == JoinStage::done) ZK_CHECK(state.end_join());
    return report;
}

}  // namespace zk::first_boot
