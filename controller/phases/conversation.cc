#include "phases/conversation.h"

#include <algorithm>

#include <fmt/core.h>

#include "agent_api/agent_errc.h"

namespace zk::phases {
namespace {

using agent_api::ApplyDone;
using agent_api::Message;
using agent_api::MessageType;

constexpr std::chrono::milliseconds kBeatTime{5000};

}  // namespace

Result<> Conversation::send(MessageType type, ByteView payload, LinkDeadline deadline) {
    if (broken_) return *broken_;
    auto sent = link_->send(type, payload, deadline);
    if (!sent) broken_ = sent.error();
    return sent;
}

Result<Message> Conversation::receive(LinkDeadline deadline) {
    auto received = link_->receive(deadline);
    if (!received) {
        broken_ = received.error();
        return received.error();
    }
    Message message = *std::move(received);
    if (message.type != MessageType::error) return message;
    auto error = agent_api::parse_payload<agent_api::AgentError>(message.payload);
    if (!error) return error.error().with_context(link_->name());
    return agent_api::from_agent_error(*error).with_context(link_->name());
}

Error Conversation::unexpected(MessageType type) const {
    return link_error(LinkErrc::protocol,
                      fmt::format("{}: the agent answered with message {}, which does not belong "
                                  "here; are zkprov and zkprov-agent of one release?",
                                  link_->name(),
                                  static_cast<int>(type)));
}

template <class T>
Result<T> Conversation::expect(MessageType type, LinkDeadline deadline) {
    ZK_TRY(const Message message, receive(deadline));
    if (message.type != type) return unexpected(message.type);
    auto payload = agent_api::parse_payload<T>(message.payload);
    if (!payload) return payload.error().with_context(link_->name());
    return payload;
}

Result<agent_api::HelloOk> Conversation::hello(LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    agent_api::Hello hello;
    hello.program = "zkprov";
    ZK_CHECK(send(MessageType::hello, agent_api::to_json(hello), deadline));
    ZK_TRY(auto answer, expect<agent_api::HelloOk>(MessageType::hello_ok, deadline));
    if (answer.link_version != agent_api::kLinkVersion) {
        return link_error(LinkErrc::protocol,
                          fmt::format("{}: the agent speaks version {}, zkprov version {}; use "
                                      "zkprov-agent of the same release",
                                      link_->name(),
                                      answer.link_version,
                                      agent_api::kLinkVersion));
    }
    return answer;
}

Result<agent_api::NodeFacts> Conversation::facts(const agent_api::FactsRequest& request,
                                                 LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    ZK_CHECK(send(MessageType::facts_request, agent_api::to_json(request), deadline));
    return expect<agent_api::NodeFacts>(MessageType::facts, deadline);
}

Result<agent_api::NodeHealth> Conversation::health(LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    ZK_CHECK(send(MessageType::health_request, {}, deadline));
    return expect<agent_api::NodeHealth>(MessageType::health, deadline);
}

Result<agent_api::HostSurvey> Conversation::survey(const agent_api::SurveyRequest& request,
                                                   LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    ZK_CHECK(send(MessageType::survey_request, agent_api::to_json(request), deadline));
    return expect<agent_api::HostSurvey>(MessageType::survey, deadline);
}

Result<agent_api::Elections> Conversation::elections(LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    ZK_CHECK(send(MessageType::elections_request, {}, deadline));
    return expect<agent_api::Elections>(MessageType::elections, deadline);
}

Result<agent_api::NodeLog> Conversation::log(const agent_api::LogRequest& request,
                                             LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    ZK_CHECK(send(MessageType::log_request, agent_api::to_json(request), deadline));
    ZK_TRY(const Message message, receive(deadline));
    if (message.type != MessageType::log) return unexpected(message.type);
    auto log = agent_api::parse_node_log(message.payload);
    if (!log) return log.error().with_context(link_->name());
    return log;
}

Result<agent_api::Page> Conversation::page(const std::string& target, LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    ZK_CHECK(send(
        MessageType::page_request, agent_api::to_json(agent_api::PageRequest{target}), deadline));
    return expect<agent_api::Page>(MessageType::page, deadline);
}

Result<bool> Conversation::push(const Blob& blob,
                                const std::string& install_dir,
                                LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    agent_api::BlobBegin begin;
    begin.sha256 = blob.sha256;
    begin.size = blob.content.size();
    begin.install_dir = install_dir;
    ZK_CHECK(send(MessageType::blob_begin, agent_api::to_json(begin), deadline));
    ZK_TRY(const Message answer, receive(deadline));
    if (answer.type == MessageType::blob_ok) return false;
    if (answer.type != MessageType::blob_want) return unexpected(answer.type);
    auto want = agent_api::parse_payload<agent_api::BlobWant>(answer.payload);
    if (!want) return want.error().with_context(link_->name());
    if (want->offset > blob.content.size()) return unexpected(answer.type);
    for (std::size_t at = want->offset; at < blob.content.size();) {
        const auto chunk = ByteView(blob.content).substr(at, agent_api::kBlobChunkBytes);
        ZK_CHECK(send(MessageType::blob_chunk, chunk, deadline));
        at += chunk.size();
    }
    ZK_CHECK(send(MessageType::blob_end, {}, deadline));
    ZK_TRY(const auto done, expect<agent_api::BlobOk>(MessageType::blob_ok, deadline));
    if (done.sha256 != blob.sha256) return unexpected(MessageType::blob_ok);
    return true;
}

Result<ApplyDone> Conversation::apply(const agent_api::Apply& apply,
                                      LinkDeadline deadline,
                                      const OnEvent& on_event,
                                      ApplyDone* reached) {
    const threads::Lock busy(busy_);
    ZK_CHECK(send(MessageType::apply, agent_api::to_json(apply), deadline));
    while (true) {
        ZK_TRY(const Message message, receive(deadline));
        if (message.type == MessageType::event) {
            auto event = agent_api::parse_payload<agent_api::Event>(message.payload);
            if (!event) return event.error().with_context(link_->name());
            if (on_event) on_event(*event);
            continue;
        }
        if (message.type != MessageType::apply_done) return unexpected(message.type);
        auto done = agent_api::parse_payload<ApplyDone>(message.payload);
        if (!done) return done.error().with_context(link_->name());
        if (reached != nullptr) *reached = *done;
        if (!done->error) return done;
        return agent_api::from_agent_error(*done->error).with_context(link_->name());
    }
}

Result<agent_api::ProbeDone> Conversation::probe(const agent_api::ProbeWrite& probe,
                                                 LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    ZK_CHECK(send(MessageType::probe_write, agent_api::to_json(probe), deadline));
    return expect<agent_api::ProbeDone>(MessageType::probe_done, deadline);
}

Result<std::string> Conversation::control(agent_api::ControlAction action, LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    agent_api::Control control;
    control.action = action;
    ZK_CHECK(send(MessageType::control, agent_api::to_json(control), deadline));
    while (true) {
        ZK_TRY(const Message message, receive(deadline));
        if (message.type == MessageType::event) continue;
        if (message.type != MessageType::done) return unexpected(message.type);
        auto done = agent_api::parse_payload<agent_api::Done>(message.payload);
        if (!done) return done.error().with_context(link_->name());
        return done->words;
    }
}

Result<agent_api::RemovalReport> Conversation::remove(const agent_api::RemovalRequest& request,
                                                      LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    ZK_CHECK(send(MessageType::removal_request, agent_api::to_json(request), deadline));
    return expect<agent_api::RemovalReport>(MessageType::removal, deadline);
}

Result<std::string> Conversation::remember(const agent_api::MemberMemory& memory,
                                           LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    ZK_CHECK(send(MessageType::remember, agent_api::to_json(memory), deadline));
    ZK_TRY(const auto done, expect<agent_api::Done>(MessageType::done, deadline));
    return done.words;
}

Result<agent_api::LockState> Conversation::lock(const agent_api::LockRequest& request,
                                                LinkDeadline deadline) {
    const threads::Lock busy(busy_);
    ZK_CHECK(send(MessageType::lock, agent_api::to_json(request), deadline));
    return expect<agent_api::LockState>(MessageType::lock_state, deadline);
}

void Conversation::beat() {
    if (!busy_.try_lock()) return;
    const threads::Lock busy(busy_, std::adopt_lock);
    (void)send(MessageType::beat, {}, deadline_in(kBeatTime));
}

}  // namespace zk::phases
