#include "engine/engine.h"

#include <utility>

#include "agent_api/agent_errc.h"
#include "http/unix_call.h"

namespace zk::engine {
namespace {

using agent_api::AgentErrc;
using agent_api::from_agent_error;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kAnswerBytesMax = 16UL << 20;
constexpr std::size_t kLogBytesMax = 4UL << 20;
constexpr auto kStopSlack = seconds(15);
constexpr auto kStopMost = seconds(600);  // whatever somebody gave a container as its time
constexpr auto kLoadPatience = seconds(300);
constexpr unsigned kNotModified = 304;
constexpr unsigned kNotFound = 404;

Error unreachable(const std::string& socket, const Error& error) {
    namespace errc = boost::system::errc;
    const std::string way_out =
        "; name the engine's socket as docker.engine in the inventory, or with --engine (podman: "
        "/run/podman/podman.sock)";
    if (error.code == errc::no_such_file_or_directory) {
        return from_agent_error({AgentErrc::not_found,
                                 "there is no Docker engine at " + socket +
                                     ": there is no such socket; install and start one (on Debian: "
                                     "apt-get install docker.io)" +
                                     way_out});
    }
    if (error.code == errc::permission_denied) {
        return from_agent_error({AgentErrc::no_right,
                                 "no right to the Docker engine's socket " + socket +
                                     ", which root has, and the group that it belongs to, mostly "
                                     "the group docker; log in as root, or as a user with "
                                     "passwordless sudo"});
    }
    if (error.code == errc::connection_refused) {
        return from_agent_error({AgentErrc::failed,
                                 "nobody answers behind the Docker engine's socket " + socket +
                                     "; start the engine (systemctl start docker)" + way_out});
    }
    return error.with_context("the Docker engine");
}

/// As the API takes times: "1764493200.000000001".
std::string unix_seconds(std::int64_t at_ns) {
    constexpr std::int64_t kSecondNs = 1'000'000'000;
    const std::string part = std::to_string(at_ns % kSecondNs);
    return std::to_string(at_ns / kSecondNs) + "." + std::string(9 - part.size(), '0') + part;
}

}  // namespace

Engine::Engine(std::string socket, milliseconds patience)
    : socket_(std::move(socket)), patience_(patience) {}

Result<Engine::Answer> Engine::ask(const Question& question) {
    http::UnixCall call;
    call.method = question.method;
    call.target = api_ + question.target;
    call.body = question.body;
    call.body_file = question.file;
    if (!question.file.empty()) call.content_type = "application/x-tar";
    if (!question.body.empty()) call.content_type = "application/json";
    const auto patience = question.patience.count() == 0 ? patience_ : question.patience;
    if (question.cut_at > 0) call.long_body = http::LongBody::cut;
    const std::size_t bytes_max = question.cut_at > 0 ? question.cut_at : kAnswerBytesMax;
    auto page = http::call_unix(socket_, call, patience, bytes_max);
    if (!page.has_value()) return unreachable(socket_, page.error());
    return Answer{page->status, std::move(page->body), page->cut};
}

Result<Engine::Answer> Engine::demand(const Question& question) {
    ZK_TRY(auto answer, ask(question));
    if (answer.status < 300 || answer.status == kNotModified) return answer;
    return Error(Errc::failed, "the Docker engine says: " + failure_words(answer.body));
}

Result<> Engine::learn_api() {
    if (version_) return ok();
    // Without a version in front it is that of the engine.
    ZK_TRY(const auto answer, demand({.target = "/version"}));
    ZK_TRY(auto version, parse_version(answer.body));
    ZK_TRY(api_, choose_api(version));
    version_ = std::move(version);
    return ok();
}

Result<Version> Engine::version() {
    ZK_CHECK(learn_api());
    return *version_;
}

Result<std::optional<Container>> Engine::container(const std::string& name) {
    ZK_CHECK(learn_api());
    const Question question{.target = "/containers/" + name + "/json"};
    ZK_TRY(const auto answer, ask(question));
    if (answer.status == kNotFound) return std::optional<Container>();
    if (answer.status >= 300) {
        return Error(Errc::failed, "the Docker engine says: " + failure_words(answer.body));
    }
    ZK_TRY(auto container, parse_container(answer.body));
    // The beginning of somebody's id may look like our name.
    if (container.name != name) return std::optional<Container>();
    return std::optional<Container>(std::move(container));
}

Result<std::optional<std::string>> Engine::image_id(const std::string& image) {
    ZK_CHECK(learn_api());
    ZK_TRY(const auto answer, ask({.target = "/images/" + image + "/json"}));
    if (answer.status == kNotFound) return std::optional<std::string>();
    if (answer.status >= 300) {
        return Error(Errc::failed, "the Docker engine says: " + failure_words(answer.body));
    }
    ZK_TRY(auto id, parse_image_id(answer.body));
    return std::optional<std::string>(std::move(id));
}

Result<std::vector<agent_api::SubnetFact>> Engine::networks() {
    ZK_CHECK(learn_api());
    ZK_TRY(const auto answer, demand({.target = "/networks"}));
    return parse_networks(answer.body);
}

Result<std::vector<Listed>> Engine::running() {
    ZK_CHECK(learn_api());
    ZK_TRY(const auto answer, demand({.target = "/containers/json"}));
    return parse_list(answer.body);
}

Result<std::optional<agent_api::RunningContainer>> Engine::look_at(const std::string& id) {
    using agent_api::RunningContainer;
    ZK_CHECK(learn_api());
    ZK_TRY(const auto answer, ask({.target = "/containers/" + id + "/json"}));
    if (answer.status == kNotFound) return std::optional<RunningContainer>();
    if (answer.status >= 300) {
        return Error(Errc::failed, "the Docker engine says: " + failure_words(answer.body));
    }
    ZK_TRY(auto container, parse_running(answer.body));
    return std::optional<RunningContainer>(std::move(container));
}

std::string Engine::last_words(const std::string& name, int lines) {
    if (!learn_api().has_value()) return {};
    const auto answer = demand({.target = "/containers/" + name +
                                          "/logs?stdout=1&stderr=1&tail=" + std::to_string(lines)});
    return answer.has_value() ? plain_log(answer->body) : std::string();
}

Result<Log> Engine::log(const std::string& name, const LogQuestion& question) {
    ZK_CHECK(learn_api());
    std::string target = "/containers/" + name + "/logs?stdout=1&stderr=1&timestamps=1&tail=" +
                         (question.tail ? std::to_string(*question.tail) : "all");
    if (question.since_ns > 0) target += "&since=" + unix_seconds(question.since_ns);
    ZK_TRY(const auto answer, ask({.target = target, .cut_at = kLogBytesMax}));
    if (answer.status == kNotFound) {
        return from_agent_error(
            {AgentErrc::not_found,
             "there is no container " + name + " on this host; zkprov apply makes it"});
    }
    if (answer.status >= 300) {
        return Error(Errc::failed,
                     "the Docker engine does not give the log of the container " + name + ": " +
                         failure_words(answer.body) +
                         "; where its logging driver sends logs elsewhere, look there");
    }
    auto parsed = parse_log(answer.body);
    return Log{std::move(parsed.lines), parsed.messages, answer.cut};
}

Result<> Engine::load_image(const std::string& archive) {
    ZK_CHECK(learn_api());
    const Question question{.method = "POST",
                            .target = "/images/load?quiet=1",
                            .file = archive,
                            .patience = kLoadPatience};
    ZK_TRY(const auto answer, demand(question));
    return check_load(answer.body);
}

Result<> Engine::make_network(const agent_api::ContainerSpec& spec) {
    ZK_CHECK(learn_api());
    const Question question{
        .method = "POST", .target = "/networks/create", .body = network_body(spec)};
    const auto answer = demand(question);
    return answer.has_value() ? ok() : Result<>(answer.error());
}

Result<std::optional<std::string>> Engine::network_cluster(const std::string& name) {
    ZK_CHECK(learn_api());
    ZK_TRY(const auto answer, ask({.target = "/networks/" + name}));
    if (answer.status == kNotFound) return std::optional<std::string>();
    if (answer.status >= 300) {
        return Error(Errc::failed, "the Docker engine says: " + failure_words(answer.body));
    }
    ZK_TRY(auto cluster, parse_network_cluster(answer.body));
    return std::optional<std::string>(std::move(cluster));
}

Result<> Engine::remove_network(const std::string& name) {
    ZK_CHECK(learn_api());
    ZK_TRY(const auto answer, ask({.method = "DELETE", .target = "/networks/" + name}));
    if (answer.status < 300 || answer.status == kNotFound) return ok();
    return Error(Errc::failed, "the Docker engine says: " + failure_words(answer.body));
}

Result<> Engine::make_container(const agent_api::ContainerSpec& spec,
                                const std::string& name,
                                const std::string& generation) {
    ZK_CHECK(learn_api());
    const Question question{.method = "POST",
                            .target = "/containers/create?name=" + name,
                            .body = create_body(spec, generation)};
    const auto answer = demand(question);
    return answer.has_value() ? ok() : Result<>(answer.error());
}

Result<> Engine::start(const std::string& id) {
    ZK_CHECK(learn_api());
    const auto answer = demand({.method = "POST", .target = "/containers/" + id + "/start"});
    return answer.has_value() ? ok() : Result<>(answer.error());
}

Result<> Engine::stop(const std::string& id) {
    ZK_CHECK(learn_api());
    const Question question{.method = "POST",
                            .target = "/containers/" + id + "/stop",
                            .patience = kStopMost + kStopSlack};
    const auto answer = demand(question);
    return answer.has_value() ? ok() : Result<>(answer.error());
}

Result<> Engine::rename(const std::string& id, const std::string& name) {
    ZK_CHECK(learn_api());
    const auto answer =
        demand({.method = "POST", .target = "/containers/" + id + "/rename?name=" + name});
    return answer.has_value() ? ok() : Result<>(answer.error());
}

Result<> Engine::set_restart(const std::string& id,
                             const std::string& policy,
                             std::int64_t restarts_max) {
    ZK_CHECK(learn_api());
    const auto answer = demand({.method = "POST",
                                .target = "/containers/" + id + "/update",
                                .body = restart_body(policy, restarts_max)});
    return answer.has_value() ? ok() : Result<>(answer.error());
}

Result<> Engine::remove(const std::string& id) {
    ZK_CHECK(learn_api());
    const auto answer = demand({.method = "DELETE", .target = "/containers/" + id + "?v=1"});
    return answer.has_value() ? ok() : Result<>(answer.error());
}

bool owned(const Container& container, const agent_api::ContainerSpec& spec) {
    const std::string cluster = container.label(agent_api::kClusterLabel);
    return !cluster.empty() && cluster == spec.label(agent_api::kClusterLabel) &&
           container.label(agent_api::kSidLabel) == spec.label(agent_api::kSidLabel);
}

std::string owner_words(const Container& container) {
    const std::string cluster = container.label(agent_api::kClusterLabel);
    if (cluster.empty()) return "not zkprov's";
    return "server " + container.label(agent_api::kSidLabel) + " of " + cluster;
}

}  // namespace zk::engine
