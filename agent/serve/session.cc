#include "agent_serve/session.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <poll.h>
#include <unistd.h>
#include <variant>

#include "agent_api/agent_errc.h"
#include "agent_host/agent_error.h"
#include "agent_host/agent_socket.h"
#include "agent_host/clean_up.h"
#include "agent_host/host_facts.h"
#include "agent_host/node_control.h"
#include "agent_host/node_executor.h"
#include "agent_host/node_log.h"
#include "agent_host/removal.h"
#include "agent_host/server_survey.h"
#include "agent_serve/health.h"
#include "agent_serve/probe_write.h"
#include "agent_serve/start_leave.h"
#include "identity/identity.h"
#include "node_plan/node_plan.h"

namespace zk::agent_serve {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::ApplyDone;
using agent_api::ControlAction;
using agent_api::Message;
using agent_api::MessageType;
using agent_host::NodeControl;

constexpr int kLookIntervalMs = 1000;
constexpr auto kPageTimeout = std::chrono::milliseconds(4000);

ApplyDone planned_only(const node_plan::NodePlan& plan) {
    ApplyDone result;
    result.changed = !plan.steps.empty();
    result.restarts_server = plan.restarts_server;
    result.starts_server = plan.starts_server;
    for (const auto& step : plan.steps) {
        result.steps.push_back({std::string(to_string(step.kind)), step.words(), false});
    }
    return result;
}

ApplyDone refused(AgentError error) {
    ApplyDone result;
    result.error = std::move(error);
    return result;
}

}  // namespace

Session::Session(agent_host::StateDir state, Send send, run_lock::LockLimits limits)
    : state_(std::move(state)), send_(std::move(send)), lock_(state_, limits), blobs_(state_) {}

Result<> Session::handle(const Message& message) {
    idle();
    auto done = dispatch(message);
    // However long that took: the controller was waiting for it.
    lock_.heard();
    return done;
}

void Session::idle() {
    lock_.look();
    if (!lock_.held()) blobs_.close();
}

Result<> Session::dispatch(const Message& message) {
    switch (message.type) {
        case MessageType::hello:
            return hello(message.payload);
        case MessageType::facts_request:
            return facts(message.payload);
        case MessageType::survey_request:
            return survey(message.payload);
        case MessageType::blob_begin:
            return blob_begin(message.payload);
        case MessageType::blob_chunk:
            return blob_chunk(message.payload);
        case MessageType::blob_end:
            return blob_end();
        case MessageType::apply:
            return apply(message.payload);
        case MessageType::health_request:
            return health();
        case MessageType::elections_request:
            return elections();
        case MessageType::page_request:
            return page(message.payload);
        case MessageType::log_request:
            return log(message.payload);
        case MessageType::control:
            return control(message.payload);
        case MessageType::removal_request:
            return removal(message.payload);
        case MessageType::probe_write:
            return probe_write(message.payload);
        case MessageType::lock:
            return lock(message.payload);
        case MessageType::remember:
            return remember(message.payload);
        case MessageType::beat:
            return ok();
        default:
            break;
    }
    return reply_error(AgentError{AgentErrc::unsupported,
                                  "this agent does not take messages of type " +
                                      std::to_string(static_cast<int>(message.type))});
}

Result<> Session::reply(MessageType type, ByteView payload) {
    return send_(agent_api::encode_frame(type, payload));
}
Result<> Session::reply_error(const AgentError& error) {
    return reply(MessageType::error, agent_api::to_json(error));
}
Result<> Session::reply_error(const Error& error) {
    if (error.code == make_error_code(Errc::corrupt)) {
        return reply_error(AgentError{AgentErrc::invalid, error.words});
    }
    return reply_error(agent_host::to_agent_error(error));
}

Result<> Session::hello(ByteView payload) {
    const auto said = agent_api::parse_payload<agent_api::Hello>(payload);
    if (!said.has_value()) return reply_error(said.error());
    if (said->link_version != agent_api::kLinkVersion) {
        return reply_error(
            AgentError{AgentErrc::unsupported,
                       "this agent speaks version " + std::to_string(agent_api::kLinkVersion) +
                           " of the link, not " + std::to_string(said->link_version)});
    }
    agent_api::HelloOk answer;
    answer.agent_version = agent_host::agent_version();
    answer.agent_sha256 = agent_host::own_sha256();
    answer.state_dir = state_.path();
    answer.pid = ::getpid();
    return reply(MessageType::hello_ok, agent_api::to_json(answer));
}

Result<> Session::facts(ByteView payload) {
    const auto request = agent_api::parse_facts_request(payload);
    if (!request.has_value()) return reply_error(request.error());
    const auto facts = agent_host::gather_facts(*request, state_);
    if (!facts.has_value()) return reply_error(facts.error());
    return reply(MessageType::facts, agent_api::to_json(*facts));
}

Result<> Session::survey(ByteView payload) {
    const auto request = agent_api::parse_payload<agent_api::SurveyRequest>(payload);
    if (!request.has_value()) return reply_error(request.error());
    const auto survey = agent_host::survey_host(*request, state_);
    if (!survey.has_value()) return reply_error(survey.error());
    return reply(MessageType::survey, agent_api::to_json(*survey));
}

Result<> Session::blob_begin(ByteView payload) {
    blob_failed_ = false;
    const auto blob = agent_api::parse_payload<agent_api::BlobBegin>(payload);
    if (!blob.has_value()) return reply_error(blob.error());
    if (auto held = lock_.may_change(); !held.has_value()) return reply_error(held.error());
    if (auto ready = state_.prepare(); !ready.has_value()) return reply_error(ready.error());
    const auto offset = blobs_.begin(*blob);
    if (!offset.has_value()) return reply_error(offset.error());
    if (!*offset) {
        agent_api::BlobOk there;
        there.sha256 = blob->sha256;
        return reply(MessageType::blob_ok, agent_api::to_json(there));
    }
    agent_api::BlobWant want;
    want.offset = **offset;
    return reply(MessageType::blob_want, agent_api::to_json(want));
}

Result<> Session::blob_chunk(ByteView payload) {
    if (blob_failed_) return ok();
    const auto taken = blobs_.chunk(payload);
    if (taken.has_value()) return ok();
    blob_failed_ = true;
    return reply_error(taken.error());
}

Result<> Session::blob_end() {
    if (blob_failed_) return ok();
    const auto done = blobs_.end();
    if (!done.has_value()) return reply_error(done.error());
    return reply(MessageType::blob_ok, agent_api::to_json(*done));
}

Result<> Session::apply(ByteView payload) {
    auto request = agent_api::parse_payload<agent_api::Apply>(payload);
    if (!request.has_value()) return reply_error(request.error());
    if (auto valid = agent_api::validate(request->spec); !valid.has_value()) {
        return reply_error(valid.error());
    }
    auto result = carry_out(*request);
    if (!result.has_value()) {
        result = refused(agent_host::to_agent_error(result.error()));
    }
    return reply(MessageType::apply_done, agent_api::to_json(*result));
}

Result<ApplyDone> Session::carry_out(const agent_api::Apply& request) {
    const agent_api::NodeSpec& spec = request.spec;
    agent_host::Fd lock;
    if (!request.dry) {
        ZK_CHECK(state_.prepare());
        ZK_TRY(lock, state_.lock());
        ZK_CHECK(lock_.may_change());
    }
    ZK_TRY(const auto facts, agent_host::gather_facts(agent_api::facts_for(spec), state_));
    if (auto wrong = identity::check_identity(spec, facts)) return refused(*wrong);
    auto decision =
        node_plan::make_plan(spec,
                             facts,
                             identity::needs_marker(spec, facts),
                             request.keep_copy ? node_plan::Copy::yes : node_plan::Copy::no,
                             request.outside);
    if (auto* wrong = std::get_if<AgentError>(&decision)) return refused(*wrong);
    const auto& plan = std::get<node_plan::NodePlan>(decision);
    if (request.dry) return planned_only(plan);
    // What the node is from now on is the controller's word, also after the next boot, and however this ends.
    ZK_CHECK(state_.end_join());
    auto tell = [this](const agent_api::Event& event) {
        // A controller that is gone does not stop the work: what was begun is brought to its end.
        (void)reply(MessageType::event, agent_api::to_json(event));
    };
    // No step of the plan: it changes nothing that a node is, and a plan must not go on for its sake.
    const auto clean_up = [&] {
        const auto removed = agent_host::clean_up(spec, state_, facts.release_target);
        for (const std::string& path : removed) lock_.note("removed " + path);
    };
    if (plan.steps.empty()) {
        clean_up();
        return planned_only(plan);
    }
    lock_.note("apply begins");
    agent_host::NodeExecutor executor(spec, facts, state_, std::move(tell));
    executor.leave = leave_to_start();
    auto done = executor.run(plan);
    for (const agent_api::StepReport& step : done.steps) {
        if (step.done && step.step == to_string(node_plan::StepKind::copy_data)) {
            lock_.note(step.words);
        }
    }
    lock_.note(done.error ? "apply failed" : "apply ends");
    if (!done.error) clean_up();
    return done;
}

Result<> Session::lock(ByteView payload) {
    const auto request = agent_api::parse_payload<agent_api::LockRequest>(payload);
    if (!request.has_value()) return reply_error(request.error());
    const auto state = lock_.answer(*request);
    if (!state.has_value()) return reply_error(state.error());
    return reply(MessageType::lock_state, agent_api::to_json(*state));
}

Result<> Session::health() {
    return reply(MessageType::health, agent_api::to_json(node_health(state_)));
}

Result<> Session::elections() {
    return reply(MessageType::elections, agent_api::to_json(node_elections(state_)));
}

/// The resident agent has it, whether or not it listens for HTTP.
Result<> Session::page(ByteView payload) {
    const auto answer =
        agent_host::ask_resident(state_, MessageType::page_request, payload, kPageTimeout);
    if (answer.has_value()) return reply(answer->type, answer->payload);
    return reply_error(AgentError{
        AgentErrc::failed, "no resident agent answers on this host: " + answer.error().message()});
}

Result<> Session::log(ByteView payload) {
    const auto request = agent_api::parse_log_request(payload);
    if (!request.has_value()) return reply_error(request.error());
    const auto spec = state_.load_spec();
    if (!spec.has_value()) return reply_error(spec.error());
    if (!*spec) {
        return reply_error(AgentError{
            AgentErrc::not_found,
            "there is no server on this host yet, so it has no log; zkprov apply makes one"});
    }
    const auto log = agent_host::read_node_log(**spec, state_, *request);
    if (!log.has_value()) return reply_error(log.error());
    return reply(MessageType::log, agent_api::to_json(*log));
}

Result<> Session::control(ByteView payload) {
    const auto request = agent_api::parse_payload<agent_api::Control>(payload);
    if (!request.has_value()) return reply_error(request.error());
    const auto words = carry_out(request->action);
    if (!words.has_value()) return reply_error(words.error());
    agent_api::Done done;
    done.words = *words;
    return reply(MessageType::done, agent_api::to_json(done));
}

Result<> Session::removal(ByteView payload) {
    const auto request = agent_api::parse_payload<agent_api::RemovalRequest>(payload);
    if (!request.has_value()) return reply_error(request.error());
    const auto report = carry_out(*request);
    if (!report.has_value()) return reply_error(report.error());
    return reply(MessageType::removal, agent_api::to_json(*report));
}

Result<agent_api::RemovalReport> Session::carry_out(const agent_api::RemovalRequest& request) {
    if (request.stage == agent_api::RemovalStage::look) {
        return agent_host::remove_node(state_, request);
    }
    ZK_CHECK(state_.prepare());
    ZK_TRY(const agent_host::Fd lock, state_.lock());
    ZK_CHECK(lock_.may_change());
    const std::string name = "removal, " + std::string(to_string(request.stage));
    lock_.note(name + " begins");
    auto report = agent_host::remove_node(state_, request);
    if (!report.has_value()) {
        lock_.note(name + " failed");
    } else if (request.stage != agent_api::RemovalStage::leave) {
        // Behind the last stage there is nothing left to write to, and it must stay so.
        lock_.note(name + " ends");
    }
    return report;
}

Result<> Session::remember(ByteView payload) {
    const auto told = agent_api::parse_member_memory(payload);
    if (!told.has_value()) return reply_error(told.error());
    const auto words = keep_memory(*told);
    if (!words.has_value()) return reply_error(words.error());
    agent_api::Done done;
    done.words = *words;
    return reply(MessageType::done, agent_api::to_json(done));
}

Result<std::string> Session::keep_memory(const agent_api::MemberMemory& told) {
    ZK_CHECK(state_.prepare());
    ZK_TRY(const agent_host::Fd lock, state_.lock());
    ZK_CHECK(lock_.may_change());
    ZK_TRY(const auto identity, state_.load_identity());
    // A host that is about to be made a member has none yet.
    if (identity && identity->formed &&
        (identity->cluster != told.cluster || identity->generation != told.generation)) {
        return agent_api::from_agent_error({AgentErrc::identity_conflict,
                                            "this host belongs to " + identity->cluster +
                                                " (formation " + identity->generation +
                                                "), and is told of the members of " + told.cluster +
                                                " (formation " + told.generation + ")"});
    }
    ZK_TRY(auto known, state_.load_memory());
    agent_api::MemberMemory memory = known.value_or(agent_api::MemberMemory());
    if (!agent_api::merge(memory, told)) return std::string("all of it was known");
    ZK_CHECK(state_.save_memory(memory));
    std::string words = "remembers";
    for (const auto& [sid, incarnation] : told.members) {
        words += " server " + to_string(sid) + " as " + words_of(incarnation);
    }
    lock_.note(words);
    return words;
}

Result<> Session::probe_write(ByteView payload) {
    const auto request = agent_api::parse_payload<agent_api::ProbeWrite>(payload);
    if (!request.has_value()) return reply_error(request.error());
    const auto spec = state_.load_spec();
    if (!spec.has_value()) return reply_error(spec.error());
    if (!*spec) {
        return reply_error(AgentError{AgentErrc::not_found, "there is no server on this host yet"});
    }
    const auto done = write_through(**spec, *request);
    return reply(MessageType::probe_done, agent_api::to_json(done));
}

Result<std::string> Session::carry_out(ControlAction action) {
    const auto nothing_here = [this]() -> Error {
        return agent_api::from_agent_error(
            {AgentErrc::not_found,
             "zkprov has not installed a server with the state directory " + state_.path() +
                 "; apply the inventory first"});
    };
    if (state_.spec_stamp() == 0) return nothing_here();
    ZK_TRY(const agent_host::Fd lock, state_.lock());
    ZK_CHECK(lock_.may_change());
    // Not before: what it waited for may have written another one.
    ZK_TRY(const auto spec, state_.load_spec());
    if (!spec) return nothing_here();
    const std::string name(to_string(action));
    lock_.note(name + " begins");
    auto done = carry_out(NodeControl(*spec, state_, leave_to_start()), action);
    lock_.note(name + (done.has_value() ? " ends" : " failed"));
    return done;
}

agent_host::StartLeave Session::leave_to_start() const {
    return [state = state_] { return refuse_start_now(state, stderr_log(LogLevel::off)); };
}

Result<std::string> Session::carry_out(NodeControl control, ControlAction action) {
    switch (action) {
        case ControlAction::start:
            if (control.agent_pid() == 0) ZK_CHECK(control.start_agent());
            ZK_CHECK(control.start_server());
            return std::string("the server runs");
        case ControlAction::stop:
            ZK_CHECK(control.stop());
            return std::string("the server is stopped");
        case ControlAction::restart:
            if (control.agent_pid() == 0) ZK_CHECK(control.start_agent());
            ZK_CHECK(control.restart_server());
            return std::string("the server was restarted");
        case ControlAction::wipe:
            return control.wipe();
    }
    return agent_api::from_agent_error({AgentErrc::unsupported, "unknown control"});
}

int serve_stdio(const agent_host::StateDir& state, int input, int output) {
    std::signal(SIGPIPE, SIG_IGN);
    auto send = [output](ByteView frame) -> Result<> {
        while (!frame.empty()) {
            const ssize_t size = ::write(output, frame.data(), frame.size());
            if (size < 0 && errno == EINTR) continue;
            if (size < 0) return agent_host::system_error("write to the controller");
            frame.remove_prefix(static_cast<std::size_t>(size));
        }
        return ok();
    };
    Session session(state, std::move(send));
    agent_api::FrameDecoder decoder;
    std::vector<char> buffer(256 * 1024);
    for (;;) {
        auto message = decoder.next();
        if (!message.has_value()) {
            std::fprintf(stderr, "%s\n", message.error().message().c_str());
            return 1;
        }
        if (*message) {
            if (!session.handle(**message).has_value()) return 1;
            continue;
        }
        if (session.is_watching()) {
            pollfd poll_fd{input, POLLIN, 0};
            const int ready = ::poll(&poll_fd, 1, kLookIntervalMs);
            if (ready == 0) session.idle();
            if (ready <= 0) continue;
        }
        const ssize_t size = ::read(input, buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return size == 0 ? 0 : 1;
        session.heard();
        decoder.feed(ByteView(buffer.data(), static_cast<std::size_t>(size)));
    }
}

}  // namespace zk::agent_serve
