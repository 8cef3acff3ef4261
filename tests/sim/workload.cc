#include "sim/workload.h"

#include <utility>

#include "jute/archive.h"

namespace zk::sim {
namespace {

const jute::AclList kOpen = {{.perms = perms::kAll, .id = {"world", "anyone"}}};
// base64 of the sha1 of "alice:a" and "bob:b", as the digest scheme has it.
const jute::AuthId kAlice{"digest", "alice:AIueg8ag5ALfqeEyKdLnva1Wvi0="};
const jute::AuthId kBob{"digest", "bob:LcrmCNs/wfVD+i5a5yaz89GyjIM="};

Asked look(OpCode op, const std::string& path, bool watch) {
    return {op, jute::encode(jute::PathWatchRequest{path, watch})};
}

Asked sync() { return {OpCode::sync, jute::encode(jute::SyncRequest{"/"})}; }

}  // namespace

Workload::Workload(const WorkloadOptions& options, Random& random, int client)
    : options_(options), random_(random), client_(client) {}

std::string Workload::credentials() const {
    return client_ % 3 == 0 ? "alice:a" : client_ % 3 == 1 ? "bob:b" : "";
}

std::vector<jute::AuthId> Workload::identity() const {
    if (client_ % 3 == 2) return {};
    return {client_ % 3 == 0 ? kAlice : kBob};
}

std::string Workload::name(const char* kind, int count) {
    return std::string("/") + kind +
           std::to_string(random_.below(static_cast<std::uint64_t>(count)));
}

std::string Workload::child() { return name("d", options_.parents) + name("n", options_.names); }

std::string Workload::any_node() {
    const auto dice = random_.below(10);
    if (dice < 4) return name("r", options_.registers);
    if (dice < 8) return child();
    return name("a", options_.acl_nodes);
}

Bytes Workload::value() {
    Bytes text = "c" + std::to_string(client_) + "-" + std::to_string(next_value_++);
    if (random_.chance(options_.large_percent)) {
        text.resize(
            text.size() + random_.below(static_cast<std::uint64_t>(options_.large_bytes_max)), '.');
    }
    return text;
}

// What the leader has to remove: containers that have had children, TTL nodes that grow old. Some get a child again, or new
// data, just in time.
std::vector<Asked> Workload::left_over() {
    if (random_.chance(40)) {
        const std::string path = name("t", 3);
        if (random_.chance(30)) return {set_data(path)};
        const auto ttl_ms = static_cast<std::int64_t>(random_.between(100, 3000));
        Asked asked = create(path, CreateMode::persistent_with_ttl);
        return {{OpCode::create_ttl, asked.body + jute::encode(ttl_ms)}};
    }
    const std::string container = name("k", 3), child = container + "/x";
    const Asked made{OpCode::create_container, create(container, CreateMode::container).body};
    if (random_.chance(30)) return {made, create(child, CreateMode::ephemeral)};
    return {made,
            create(child, CreateMode::persistent),
            {OpCode::remove, jute::encode(jute::DeleteRequest{child, -1})}};
}

// Parents that come and go.
std::vector<Asked> Workload::churn() {
    if (random_.chance(50)) return left_over();
    const std::string parent = name("e", 2), child = parent + "/x";
    if (random_.chance(50)) return {create(parent, CreateMode::persistent)};
    const auto remove = [](const std::string& path) {
        return Asked{OpCode::remove, jute::encode(jute::DeleteRequest{path, -1})};
    };
    return {create(child, CreateMode::persistent), set_data(child), remove(child), remove(parent)};
}

// Mostly the one that was seen last, now and then one that cannot be right.
std::int32_t Workload::version_of(const std::string& path) {
    const auto seen = versions_.find(path);
    if (seen == versions_.end()) return static_cast<std::int32_t>(random_.below(3));
    return seen->second + (random_.chance(10) ? 1 : 0);
}

std::vector<Asked> Workload::setup() const {
    std::vector<Asked> all;
    const auto add = [&all](const char* kind, int count) {
        for (int i = 0; i < count; ++i) {
            all.push_back(
                {OpCode::create,
                 jute::encode(jute::CreateRequest{std::string("/") + kind + std::to_string(i),
                                                  Bytes("0"),
                                                  kOpen,
                                                  CreateMode::persistent})});
        }
    };
    add("d", options_.parents);
    add("r", options_.registers);
    add("a", options_.acl_nodes);
    return all;
}

std::vector<Asked> Workload::last() const {
    std::vector<Asked> all = {sync()};
    for (int i = 0; i < options_.registers; ++i) {
        all.push_back(look(OpCode::get_data, "/r" + std::to_string(i), false));
    }
    for (int i = 0; i < options_.parents; ++i) {
        all.push_back(look(OpCode::get_children2, "/d" + std::to_string(i), false));
    }
    return all;
}

Asked Workload::large_write() {
    Bytes text = value();
    text.resize(text.size() + random_.below(static_cast<std::uint64_t>(options_.large_bytes_max)),
                '.');
    return {OpCode::set_data,
            jute::encode(jute::SetDataRequest{name("r", options_.registers), text, -1})};
}

std::vector<Asked> Workload::next() {
    const auto dice = random_.below(100);
    if (dice < 6) return {sync(), read()};
    if (dice < 44) return {read()};
    if (dice < 46) return {{OpCode::ping, {}}};
    if (dice < 52) return churn();
    return {write()};
}

Asked Workload::read() {
    const bool watch = random_.chance(options_.watch_percent);
    const auto dice = random_.below(100);
    if (dice < 36) return look(OpCode::get_data, any_node(), watch);
    if (dice < 60) return look(OpCode::exists, any_node(), watch);
    if (dice < 80) return look(OpCode::get_children2, name("d", options_.parents), watch);
    if (dice < 90) return look(OpCode::get_children, name("d", options_.parents), watch);
    return {OpCode::get_acl, jute::encode(jute::PathRequest{any_node()})};
}

Asked Workload::write() {
    const auto dice = random_.below(100);
    if (dice < 26) return set_data(name("r", options_.registers));
    if (dice < 32) return set_data(any_node());
    if (dice < 44) return create(child(), CreateMode::persistent);
    if (dice < 52) return create(child(), CreateMode::ephemeral);
    if (dice < 60)
        return create(name("d", options_.parents) + "/s-", CreateMode::persistent_sequential);
    if (dice < 66)
        return create(name("d", options_.parents) + "/t-", CreateMode::ephemeral_sequential);
    if (dice < 82) return remove();
    if (dice < 90) return multi();
    if (dice < 92) return create(name("d", options_.parents), CreateMode::persistent);
    return acl();
}

Asked Workload::set_data(const std::string& path) {
    const std::int32_t version = random_.chance(60) ? version_of(path) : -1;
    return {OpCode::set_data, jute::encode(jute::SetDataRequest{path, value(), version})};
}

Asked Workload::create(const std::string& path, CreateMode mode) {
    const OpCode op = random_.chance(40) ? OpCode::create2 : OpCode::create;
    return {op, jute::encode(jute::CreateRequest{path, value(), kOpen, mode})};
}

// Sequential nodes would heap up: most deletes take what was listed last.
Asked Workload::remove() {
    const std::string parent = name("d", options_.parents);
    std::vector<std::string>& listed = children_[parent];
    std::string path = child();
    if (!listed.empty() && random_.chance(70)) {
        const auto place = random_.below(listed.size());
        path = parent + "/" + listed[place];
        listed.erase(listed.begin() + static_cast<std::ptrdiff_t>(place));
    } else if (random_.chance(10)) {
        path = random_.chance(50) ? parent : name("a", options_.acl_nodes);
    }
    const std::int32_t version = random_.chance(30) ? version_of(path) : -1;
    return {OpCode::remove, jute::encode(jute::DeleteRequest{path, version})};
}

Asked Workload::multi() {
    Bytes body;
    jute::OutputArchive archive(body);
    const auto head = [&archive](OpCode op, bool done) {
        archive(jute::MultiHeader{op, done, static_cast<ErrorCode>(-1)});
    };
    const auto parts = 1 + random_.below(4);
    for (std::uint64_t i = 0; i < parts; ++i) {
        const auto dice = random_.below(100);
        if (dice < 25) {
            const std::string path = name("r", options_.registers);
            head(OpCode::check, false);
            archive(jute::CheckVersionRequest{path, random_.chance(50) ? version_of(path) : -1});
        } else if (dice < 55) {
            const std::string path = name("r", options_.registers);
            head(OpCode::set_data, false);
            archive(
                jute::SetDataRequest{path, value(), random_.chance(40) ? version_of(path) : -1});
        } else if (dice < 80) {
            const CreateMode mode = random_.chance(30)   ? CreateMode::persistent_sequential
                                    : random_.chance(30) ? CreateMode::ephemeral
                                                         : CreateMode::persistent;
            head(OpCode::create, false);
            archive(jute::CreateRequest{child(), value(), kOpen, mode});
        } else {
            head(OpCode::remove, false);
            archive(jute::DeleteRequest{child(), -1});
        }
    }
    head(OpCode::error, true);
    return {OpCode::multi, body};
}

Asked Workload::acl() {
    const std::string path = name("a", options_.acl_nodes);
    jute::AclList list = kOpen;
    const auto dice = random_.below(100);
    if (dice < 25) {
        list = {{perms::kAll, kAlice}, {perms::kRead, {"world", "anyone"}}};
    } else if (dice < 40) {
        list = {{perms::kAll, kAlice}, {perms::kRead | perms::kWrite, kBob}};
    } else if (dice < 50) {
        list = {{perms::kAll, {"auth", ""}}};
    } else if (dice < 55) {
        list = {};
    } else if (dice < 70) {
        return {OpCode::create,
                jute::encode(jute::CreateRequest{
                    path, value(), {{perms::kAll, {"auth", ""}}}, CreateMode::persistent})};
    }
    return {OpCode::set_acl, jute::encode(jute::SetAclRequest{path, list, -1})};
}

void Workload::learn(const Asked& asked, ErrorCode error, ByteView body) {
    if (error != ErrorCode::ok) return;
    jute::InputArchive request(asked.body);
    jute::InputArchive answer(body);
    switch (asked.op) {
        case OpCode::get_data:
            (void)answer.get<jute::Buffer>();
            [[fallthrough]];
        case OpCode::exists:
        case OpCode::set_data: {
            const auto path = request.get<std::string>();
            versions_[path] = answer.get<jute::Stat>().version;
            return;
        }
        case OpCode::get_children:
        case OpCode::get_children2: {
            const auto path = request.get<std::string>();
            children_[path] = answer.get<std::vector<std::string>>();
            return;
        }
        default:
            return;
    }
}

}  // namespace zk::sim
