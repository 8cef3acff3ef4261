#include "fake_nodes.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <sstream>
#include <thread>
#include <utility>

#include "agent_api/digest.h"
#include "clocks/clocks.h"

namespace zk::phases {
namespace {

using namespace agent_api;

Message message_of(MessageType type, std::string payload) { return {type, std::move(payload)}; }
template <class T>
T payload_of(const std::string& text) {
    return *parse_payload<T>(text);
}

class FakeLink final : public AgentLink {
  public:
    FakeLink(FakeNodes& nodes, ServerId id)
        : nodes_(nodes), id_(id), name_("node " + to_string(id)) {}

    ~FakeLink() override { FakeLink::close(); }

    Result<> send(MessageType type, ByteView payload, LinkDeadline) override {
        counters_.bytes_sent += payload.size() + 5;
        ++counters_.frames_sent;
        const std::lock_guard lock(nodes_.mutex());
        takes_ = milliseconds(0);
        if (type == MessageType::health_request) {
            gate_ = nodes_[id_.value()].answers_after;
            takes_ = nodes_[id_.value()].answer_takes;
        }
        if (nodes_[id_.value()].link_breaks_in_apply && type == MessageType::apply &&
            !payload_of<Apply>(std::string(payload)).dry) {
            broken_ = true;
        }
        if (type == MessageType::log_request) {
            broken_ = broken_ || nodes_[id_.value()].log_unanswered;
            hangs_ = nodes_[id_.value()].log_hangs;
        }
        if (type == MessageType::lock) {
            FakeNode& node = nodes_[id_.value()];
            broken_ = broken_ || node.lock_unanswered || node.lock_unanswered_after-- <= 0;
            const auto request = payload_of<LockRequest>(std::string(payload));
            if (request.action == LockAction::release) {
                late_ = std::exchange(node.after_release_late, false);
            }
        }
        for (Message& each : nodes_.answer(id_, type, std::string(payload))) {
            answers_.push_back(std::move(each));
        }
        return ok();
    }
    Result<Message> receive(LinkDeadline deadline) override {
        if (gate_.valid()) gate_.wait();
        if (hangs_) {
            std::this_thread::sleep_until(deadline - milliseconds(5));
            return link_error(LinkErrc::timeout, name_ + ": no answer in time");
        }
        const bool takes_long = takes_ > milliseconds(0);
        if (takes_long && std::chrono::steady_clock::now() + takes_ > deadline) broken_ = true;
        if (broken_) return link_error(LinkErrc::closed, name_ + ": the link ended");
        if (std::exchange(late_, false)) {
            return link_error(LinkErrc::timeout, name_ + ": no answer in time");
        }
        if (answers_.empty()) return link_error(LinkErrc::timeout, name_ + ": no answer in time");
        Message message = std::move(answers_.front());
        answers_.pop_front();
        counters_.bytes_received += message.payload.size() + 5;
        ++counters_.frames_received;
        return message;
    }
    const LinkHello& hello() const override { return hello_; }
    LinkCounters counters() const override {
        LinkCounters counters = counters_;
        counters.connections = counters.channels = 1;
        return counters;
    }
    const std::string& name() const override { return name_; }
    /// The end of a link that carries nothing more is what its agent hears.
    void close() override {
        const std::lock_guard lock(nodes_.mutex());
        if (broken_) nodes_[id_.value()].locked = false;
    }

  private:
    FakeNodes& nodes_;
    ServerId id_;
    std::string name_;
    LinkHello hello_;
    LinkCounters counters_;
    std::deque<Message> answers_;
    std::shared_future<void> gate_;
    milliseconds takes_{0};
    bool broken_ = false;
    bool late_ = false;
    bool hangs_ = false;
};

/// The lines of its zoo.cfg, as a server that runs with them tells them.
std::vector<std::string> members_of(const NodeSpec& spec) {
    std::vector<std::string> members;
    for (const FileSpec& file : spec.files) {
        if (file.path != spec.conf_path) continue;
        std::istringstream lines(file.content);
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("server.")) members.push_back(line + ":participant");
        }
    }
    return members;
}

}  // namespace

OpenLink FakeNodes::opener() {
    return [this](const inventory::Node& node,
                  LinkDeadline deadline) -> Result<std::unique_ptr<AgentLink>> {
        std::unique_lock lock(mutex_);
        if (const auto gate = nodes_.at(node.id).opens_after; gate.valid()) {
            lock.unlock();
            gate.wait();
            lock.lock();
        }
        open_deadline = deadline;
        FakeNode& fake = nodes_.at(node.id);
        if (fake.open_error) return *fake.open_error;
        ++fake.links;
        return std::unique_ptr<AgentLink>(std::make_unique<FakeLink>(*this, node.id));
    };
}

std::vector<Message> FakeNodes::answer(ServerId id, MessageType type, const std::string& payload) {
    FakeNode& node = nodes_.at(id);
    switch (type) {
        case MessageType::hello:
            return {message_of(MessageType::hello_ok, to_json(HelloOk{}))};
        case MessageType::facts_request:
            ++node.facts_asked;
            if (payload_of<FactsRequest>(payload).survey) ++node.surveys;
            return {message_of(MessageType::facts,
                               to_json(facts_of(id, payload_of<FactsRequest>(payload))))};
        case MessageType::health_request:
            if (!node.applied) {
                return {message_of(MessageType::error,
                                   to_json(AgentError{AgentErrc::not_found, "nothing applied"}))};
            }
            return {message_of(MessageType::health, to_json(health_of(id)))};
        case MessageType::elections_request: {
            Elections said = node.elections;
            said.wall_ms = WallMs(clocks::wall_now().value() + node.clock_ahead_ms);
            return {message_of(MessageType::elections, to_json(said))};
        }
        case MessageType::log_request: {
            const auto request = *parse_log_request(payload);
            node.log_requests.push_back(request);
            if (node.log_error) return {message_of(MessageType::error, to_json(*node.log_error))};
            return {message_of(MessageType::log, to_json(log_of(id, node, request)))};
        }
        case MessageType::page_request: {
            const auto request = payload_of<agent_api::PageRequest>(payload);
            const std::string body = "{\"node\":" + std::to_string(id.value()) + ",\"target\":\"" +
                                     request.target + "\"}";
            agent_api::Page page{200, "application/json", body};
            if (request.target == "/evil") page = {404, "text/html\r\nX-Evil: 1", "<b>"};
            return {message_of(MessageType::page, to_json(page))};
        }
        case MessageType::blob_begin: {
            const auto begin = payload_of<BlobBegin>(payload);
            if (!node.may_change) node.changed_unlocked = true;
            if (node.blob == begin.sha256) {
                return {message_of(MessageType::blob_ok, to_json(BlobOk{begin.sha256, false}))};
            }
            node.blob = begin.sha256;
            return {message_of(MessageType::blob_want, to_json(BlobWant{0}))};
        }
        case MessageType::blob_chunk:
            return {};
        case MessageType::blob_end:
            ++node.blobs_received;
            return {message_of(MessageType::blob_ok, to_json(BlobOk{node.blob, true}))};
        case MessageType::apply:
            return {message_of(MessageType::apply_done,
                               to_json(apply(id, payload_of<Apply>(payload))))};
        case MessageType::control: {
            const auto control = payload_of<Control>(payload);
            if (node.control_error) {
                return {message_of(MessageType::error, to_json(*node.control_error))};
            }
            change(node);
            const bool wipe = control.action == ControlAction::wipe;
            node.running = control.action == ControlAction::start;
            if (wipe) node.has_data = node.has_marker = false;
            story.push_back(std::string(to_string(control.action)) + " " + to_string(id));
            return {message_of(MessageType::done,
                               to_json(Done{wipe ? "/data is now /data.quarantine-1" : "ok"}))};
        }
        case MessageType::removal_request:
            return remove(id, payload_of<RemovalRequest>(payload));
        case MessageType::probe_write: {
            elect();
            ++node.probes;
            ProbeDone done;
            done.committed = leader_.has_value() && node.running && !node.probe_fails;
            if (!done.committed) done.words = "no connection";
            if (node.after_probe) node.after_probe(node);
            return {message_of(MessageType::probe_done, to_json(done))};
        }
        case MessageType::lock:
            return {message_of(MessageType::lock_state,
                               to_json(lock(node, payload_of<LockRequest>(payload))))};
        case MessageType::remember: {
            if (node.remember_error) {
                return {message_of(MessageType::error, to_json(*node.remember_error))};
            }
            change(node);
            if (!node.memory) node.memory.emplace();
            merge(*node.memory, *parse_member_memory(payload));
            return {message_of(MessageType::done, to_json(Done{"remembers"}))};
        }
        case MessageType::beat:
            ++node.beats;
            return {};
        case MessageType::survey_request:
            if (!node.host_survey) {
                return {message_of(MessageType::error,
                                   to_json(AgentError{AgentErrc::failed, "cannot look"}))};
            }
            return {message_of(MessageType::survey, to_json(*node.host_survey))};
        default:
            return {message_of(MessageType::error,
                               to_json(AgentError{AgentErrc::unsupported, "unknown"}))};
    }
}

/// Its cursor is how many lines were told.
NodeLog FakeNodes::log_of(ServerId id, FakeNode& node, const LogRequest& request) {
    NodeLog said;
    said.cluster = "demo";
    said.sid = id;
    said.source = "/logs/zkserver.log";
    const auto wanted = static_cast<std::size_t>(request.lines);
    std::size_t at = request.cursor.empty() ? node.log.size() - std::min(node.log.size(), wanted)
                                            : std::stoul(request.cursor);
    while (at < node.log.size() && said.lines.size() < std::min(node.log_piece, wanted)) {
        said.lines.push_back(node.log[at++]);
    }
    said.more = wanted > 0 && at < node.log.size();
    said.cursor = std::to_string(at);
    if (node.after_log) node.after_log(node, said);
    return said;
}

std::vector<Message> FakeNodes::remove(ServerId id, const RemovalRequest& request) {
    FakeNode& node = nodes_.at(id);
    node.removals.push_back(request);
    if (node.removal_error && node.removal_fails_at == request.stage) {
        return {message_of(MessageType::error, to_json(*node.removal_error))};
    }
    RemovalReport report;
    report.installed = node.applied.has_value();
    if (request.stage != RemovalStage::look) {
        change(node);
        story.push_back(std::string(to_string(request.stage)) + " " + to_string(id));
    }
    if (request.stage == RemovalStage::stop) node.running = false;
    const bool tells = request.stage == RemovalStage::look || request.stage == RemovalStage::remove;
    if (tells && report.installed) report.removed.emplace_back("the unit zookeeper.service");
    if (tells && node.has_data) {
        if (request.delete_data) report.removed.emplace_back("/data");
        if (!request.delete_data) report.kept.push_back({"/data", "the server's data and logs"});
    }
    if (request.stage == RemovalStage::remove && request.delete_data) node.has_data = false;
    if (request.stage == RemovalStage::leave) {
        node.applied.reset();
        node.identity.reset();
    }
    return {message_of(MessageType::removal, to_json(report))};
}

LockState FakeNodes::lock(FakeNode& node, const LockRequest& request) {
    LockState state;
    const bool taken = node.locked_by && node.lock_looks > 0;
    if (request.action == LockAction::take && taken) --node.lock_looks;
    switch (request.action) {
        case LockAction::take:
            ++node.lock_takes;
            node.locked = !taken;
            break;
        case LockAction::number:
            node.fence = request.number;
            [[fallthrough]];
        case LockAction::check:
            ++node.checks;
            if (!node.lock_lost.empty()) node.locked = false;
            node.may_change = node.locked;
            state.lost = node.lock_lost;
            break;
        case LockAction::release:
            node.locked = node.may_change = false;
            break;
        case LockAction::revoke:
            if (taken && !is_same_run(*node.locked_by, request.holder)) break;
            ++node.fence;
            node.lock_looks = 0;
            if (node.locked_next) {
                node.locked_by = node.locked_next;
                node.lock_looks = 1 << 30;
            }
            break;
        case LockAction::show:
            break;
    }
    state.yours = node.locked;
    state.number = node.fence;
    if (node.locked_by && node.lock_looks > 0) state.holder = node.locked_by;
    if (node.locked) state.holder = request.holder;
    state.held_ms = 32000;
    return state;
}

void FakeNodes::change(FakeNode& node) {
    if (!node.locked || !node.may_change) node.changed_unlocked = true;
    node.may_change = false;
}

namespace {

/// As an engine tells of it.
void add_container(const NodeSpec& applied, NodeFacts& facts) {
    facts.units.front().name = applied.server_unit;
    ContainerFacts& container = facts.container.emplace();
    container.exists = container.ours = true;
    container.spec_hash = hash_of(*applied.container);
    container.flavor = applied.container->label(kFlavorLabel);
    container.image = applied.container->image;
    container.image_id = container.image_now = container.container_image_id =
        "id of " + container.image;
}

}  // namespace

NodeFacts FakeNodes::facts_of(ServerId id, const FactsRequest& request) const {
    const FakeNode& node = nodes_.at(id);
    NodeFacts facts;
    facts.arch = "x86_64";
    facts.uid = node.uid;
    facts.release_sha256 = node.blob;
    facts.identity = node.identity;
    facts.memory = node.memory;
    if (node.applied) {
        facts.data.owner = DataOwner{
            node.applied->cluster, id, node.applied->generation, node.applied->incarnation};
    }
    facts.data.state = node.has_data ? DataState::data : DataState::empty;
    facts.data.transactions = node.has_data;
    facts.space = {{"/usr/local/zookeeper/data", node.free_bytes, node.free_bytes, false}};
    facts.ports = node.ports;
    facts.outside = node.outside;
    facts.units = {{"zookeeper.service",
                    node.running ? "active" : "inactive",
                    true,
                    node.running ? 4711 : 0,
                    WallMs(0)}};
    facts.wall_ms = clocks::wall_now();
    facts.java_version = 17;
    if (!node.applied) return facts;
    facts.release_flavor = to_string(node.applied->release.flavor);
    if (node.applied->container) add_container(*node.applied, facts);
    for (const FileSpec& file : node.applied->files) {
        const std::string content = file.content + (node.edited ? "#" : "");
        facts.paths.push_back({file.path, sha256_hex(content), file.mode, file.owner, false});
    }
    if (request.specs) {
        facts.applied = node.applied;
        facts.before = node.before;
    }
    if (request.survey) facts.survey = node.survey;
    return facts;
}

/// The highest running server that has data or may start without leads, when a majority of such is
/// there.
void FakeNodes::elect() {
    std::size_t able = 0;
    std::optional<ServerId> best;
    for (auto& [id, node] : nodes_) {
        const bool may_vote = node.has_data || node.has_marker;
        if (!node.running || node.never_elects || !may_vote) continue;
        ++able;
        best = id;
    }
    leader_ = able >= nodes_.size() / 2 + 1 ? best : std::nullopt;
    if (!leader_) return;
    for (auto& [id, node] : nodes_) {
        if (!node.running || node.never_elects) continue;
        node.has_data = true;  // brought up to date
        node.has_marker = false;
        if (node.identity) node.identity->formed = true;
    }
}

NodeHealth FakeNodes::health_of(ServerId id) {
    elect();
    FakeNode& node = nodes_.at(id);
    NodeHealth health;
    health.cluster = node.applied ? node.applied->cluster : "";
    health.sid = node.applied ? node.applied->sid : id;
    health.source = HealthSource::agent;
    health.wall_ms = WallMs(clocks::wall_now().value() + node.clock_ahead_ms);
    if (!node.running) return health;
    health.answered_sid = node.speaks_as.value_or(id);
    if (node.applied) health.members = members_of(*node.applied);
    if (node.speaks_as) {
        health.verdict = NodeVerdict::conflict;
        health.conflict = {ConflictKind::sid, "its server speaks as " + to_string(*node.speaks_as)};
        return health;
    }
    const bool electing = looks_without_leader > 0;
    if (electing) --looks_without_leader;
    health.pid = 100 + id.value();
    health.rss_bytes = leader_ == id ? 1U << 30 : node.rss_bytes;
    const bool copies = leader_ && leader_ != id && node.copies_for > 0;
    if (copies) {
        --node.copies_for;
        node.rss_bytes += node.copied_each;
    }
    if (!leader_ || node.never_elects || electing || copies) {
        health.verdict = NodeVerdict::looking;
        health.role = Role::looking;
        return health;
    }
    health.verdict = NodeVerdict::serving;
    health.role = leader_ == id ? Role::leader : Role::follower;
    health.leader = leader_;
    health.zxid = Zxid(0x100000005);
    health.epoch = Epoch(1);
    return health;
}

/// As an agent plans it, by whose tests it is known; here only whether the server restarts.
ApplyDone FakeNodes::apply_outside(FakeNode& node, ServerId id, const Apply& apply) {
    ApplyDone done;
    if (!node.identity && apply.outside != OutsideLeave::adopt) {
        done.error = AgentError{AgentErrc::port_taken, "java serves already"};
        return done;
    }
    if (!node.identity) done.steps.push_back({"install-agent", "the agent", !apply.dry});
    done.restarts_server = node.identity && apply.outside == OutsideLeave::take_over;
    if (done.restarts_server) done.steps.push_back({"stop-outside", "java", !apply.dry});
    done.changed = !done.steps.empty();
    if (apply.dry) return done;
    change(node);
    story.push_back("apply " + to_string(id));
    node.leaves.push_back(apply.outside);
    if (done.restarts_server) {
        ++node.restarts;
        node.outside.reset();
    }
    node.identity.emplace();
    node.identity->cluster = apply.spec.cluster;
    node.identity->sid = id;
    node.identity->generation = apply.spec.generation;
    node.applied = apply.spec;
    return done;
}

ApplyDone FakeNodes::apply(ServerId id, const Apply& apply) {
    FakeNode& node = nodes_.at(id);
    ApplyDone done;
    const auto& error = apply.dry ? node.dry_error : node.apply_error;
    if (error) {
        done.error = *error;
        return done;
    }
    if (node.outside) return apply_outside(node, id, apply);
    const bool differs = !node.applied || hash_of(*node.applied) != hash_of(apply.spec);
    // What else a specification says is its agent's alone.
    const bool restarts = !node.applied || node.applied->files != apply.spec.files ||
                          node.applied->release != apply.spec.release;
    const bool moves = node.applied && node.applied->release.flavor != apply.spec.release.flavor;
    if (moves && apply.keep_copy) {
        done.steps.push_back({"stop-server", "stop it", !apply.dry});
        done.steps.push_back(
            {"copy-data", apply.dry ? "copy" : "copy: why; /data.before", !apply.dry});
    }
    if (differs && restarts) done.steps.push_back({"write-file", "zoo.cfg differs", !apply.dry});
    if (differs && !restarts) done.steps.push_back({"record-applied", "recorded", !apply.dry});
    done.restarts_server = restarts && node.running;
    done.starts_server = !node.running;
    if (!node.running) done.steps.push_back({"start", "start the server", !apply.dry});
    done.changed = !done.steps.empty();
    if (apply.dry) {
        ++node.dry_runs;
        return done;
    }
    change(node);
    story.push_back("apply " + to_string(id));
    ++node.applies;
    node.formations.push_back(apply.spec.formation);
    if (done.restarts_server) ++node.restarts;
    if (apply.spec.formation == Formation::form && !node.has_data) node.has_marker = true;
    if (!node.identity) node.identity = RecordedIdentity{};
    node.identity->cluster = apply.spec.cluster;
    node.identity->sid = id;
    node.identity->generation = apply.spec.generation;
    node.identity->incarnation = apply.spec.incarnation;
    if (moves) node.before = node.applied;
    if (moves && apply.keep_copy) ++node.copies;
    node.applied = apply.spec;
    node.running = true;
    if (node.after_apply) node.after_apply(node);
    return done;
}

}  // namespace zk::phases
