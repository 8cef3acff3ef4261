#include "node_plan_fixture.h"

#include <gtest/gtest.h>

#include "agent_api/digest.h"

namespace zk::node_plan {

using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::FileKind;
using agent_api::NodeFacts;
using agent_api::NodeSpec;
using agent_api::OutsideLeave;

NodeSpec make_spec() {
    NodeSpec spec;
    spec.cluster = "demo";
    spec.generation = "g1";
    spec.sid = ServerId(2);
    spec.user = spec.group = "zookeeper";
    spec.install_dir = "/opt/zk";
    spec.data_dir = "/opt/zk/data";
    spec.log_dir = "/opt/zk/logs";
    spec.conf_path = "/opt/zk/conf/zoo.cfg";
    spec.release = {"0.1.0", std::string(64, 'a'), 8 << 20};
    spec.directories = {{"/opt/zk", 0755, "root"},
                        {"/opt/zk/data", 0750, "zookeeper:zookeeper"},
                        {"/opt/zk/logs", 0750, "zookeeper:zookeeper"}};
    spec.files = {
        {"/opt/zk/conf/zoo.cfg", 0640, "root:zookeeper", "conf", FileKind::config},
        {"/opt/zk/data/myid", 0640, "root:zookeeper", "2\n", FileKind::config},
        {"/etc/systemd/system/zookeeper.service", 0644, "root", "unit", FileKind::unit},
        {"/etc/systemd/system/zkprov-agent.service", 0644, "root", "aunit", FileKind::unit},
        {"/opt/zk/note", 0644, "", "note", FileKind::plain}};
    return spec;
}

NodeFacts bare_facts() {
    NodeFacts facts;
    facts.systemd = true;
    facts.agent_sha256 = "agent";
    for (const char* path : {"/opt/zk", "/opt/zk/data", "/opt/zk/logs"}) {
        facts.space.push_back({path, 10ULL << 30, 20ULL << 30, false});
    }
    facts.units = {{"zookeeper.service", "missing", false, 0, {}},
                   {"zkprov-agent.service", "missing", false, 0, {}}};
    return facts;
}

NodeFacts settled_facts(const NodeSpec& spec) {
    NodeFacts facts = bare_facts();
    facts.user_exists = facts.group_exists = true;
    facts.installed_agent_sha256 = facts.resident_agent_sha256 = "agent";
    facts.resident_agent = true;
    facts.release_sha256 = facts.running_sha256 = spec.release.sha256;
    facts.release_target = "releases/0.1.0";
    facts.data.state = agent_api::DataState::data;
    facts.data.myid = spec.sid;
    agent_api::RecordedIdentity record;
    record.cluster = spec.cluster;
    record.sid = spec.sid;
    record.generation = spec.generation;
    record.data_dir = spec.data_dir;
    record.formed = true;
    record.spec_hash = hash_of(spec);
    facts.identity = record;
    const auto owner = [](const std::string& text) {
        if (text.empty()) return std::string("any:any");
        return text.find(':') == std::string::npos ? text + ":" + text : text;
    };
    for (const auto& directory : spec.directories) {
        facts.paths.push_back({directory.path, "", directory.mode, owner(directory.owner), true});
    }
    for (const auto& file : spec.files) {
        facts.paths.push_back(
            {file.path, agent_api::sha256_hex(file.content), file.mode, owner(file.owner), false});
    }
    facts.units = {{"zookeeper.service", "active", true, 10, {}},
                   {"zkprov-agent.service", "active", true, 11, {}}};
    facts.ports = {{2181, "zkserver (10)", true}};
    return facts;
}

NodePlan plan_of(const NodeSpec& spec, const NodeFacts& facts, bool marker) {
    auto decision = make_plan(spec, facts, marker);
    if (auto* error = std::get_if<AgentError>(&decision)) {
        ADD_FAILURE() << error->words;
        return {};
    }
    return std::get<NodePlan>(decision);
}
std::vector<StepKind> kinds(const NodePlan& plan) {
    std::vector<StepKind> result;
    for (const Step& step : plan.steps) result.push_back(step.kind);
    return result;
}
AgentErrc refusal(const NodeSpec& spec, const NodeFacts& facts) {
    auto decision = make_plan(spec, facts, false);
    auto* error = std::get_if<AgentError>(&decision);
    if (error == nullptr) {
        ADD_FAILURE() << "not refused";
        return AgentErrc::failed;
    }
    EXPECT_FALSE(error->words.empty());
    return error->code;
}
NodePlan plan_with(const NodeSpec& spec, const NodeFacts& facts, OutsideLeave outside) {
    auto decision = make_plan(spec, facts, false, Copy::no, outside);
    if (auto* error = std::get_if<AgentError>(&decision)) {
        ADD_FAILURE() << error->words;
        return {};
    }
    return std::get<NodePlan>(decision);
}

}  // namespace zk::node_plan
