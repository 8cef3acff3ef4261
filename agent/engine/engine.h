// A Docker engine, or podman's service, by the API on its unix socket: no program of it is run, no text of one is read.
// Shell. Blocking, each call bounded; any thread. It does what it is told: whose a container is the caller asks (owned).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/container_spec.h"
#include "base/result.h"
#include "engine/engine_json.h"
#include "engine/running_json.h"

namespace zk::engine {

/// Which part of a container's log: of what is not older than `since_ns` (since 1970; 0: all) the last `tail` messages.
struct LogQuestion {
    std::optional<std::int64_t> tail;  ///< nothing: all
    std::int64_t since_ns = 0;
};
struct Log {
    std::vector<LoggedLine> lines;
    std::size_t messages = 0;  ///< of those that `tail` counts
    bool cut = false;          ///< there is more behind these
};

class Engine {
  public:
    /// `patience` is for each question; what takes its time has more.
    explicit Engine(std::string socket,
                    std::chrono::milliseconds patience = std::chrono::seconds(20));

    /// Asked once. Errors say what is in the way: no socket, no right to it, nobody behind it, an API that we do not speak.
    Result<Version> version();
    /// Nothing: there is none by this name.
    Result<std::optional<Container>> container(const std::string& name);
    Result<std::optional<std::string>> image_id(const std::string& image);
    Result<std::vector<agent_api::SubnetFact>> networks();
    /// All that run, whoever made them.
    Result<std::vector<Listed>> running();
    /// One of them in full; nothing: it is gone.
    Result<std::optional<agent_api::RunningContainer>> look_at(const std::string& id);
    /// The end of what the container wrote; empty: it cannot be had.
    std::string last_words(const std::string& name, int lines);

    /// What the container wrote to stdout and stderr. Of very much the front, which is `cut` then. Errors: the engine's, and
    /// AgentErrc::not_found where there is no such container.
    Result<Log> log(const std::string& name, const LogQuestion& question);

    Result<> load_image(const std::string& archive);
    Result<> make_network(const agent_api::ContainerSpec& spec);
    /// Nothing: there is no such network. Else the cluster by whose label it is known; empty: it has none.
    Result<std::optional<std::string>> network_cluster(const std::string& name);
    /// Fails while a container uses it; one that is gone meanwhile is no error.
    Result<> remove_network(const std::string& name);
    /// Under `name`, which may be another one than the specification's. Does not start it.
    Result<> make_container(const agent_api::ContainerSpec& spec,
                            const std::string& name,
                            const std::string& generation);
    /// These take the container's id or name; see owned().
    Result<> start(const std::string& id);
    /// SIGTERM, and SIGKILL after the container's own time to stop.
    Result<> stop(const std::string& id);
    Result<> rename(const std::string& id, const std::string& name);
    /// Whether the engine starts it again, and how often at most (on-failure; 0: no end).
    Result<> set_restart(const std::string& id,
                         const std::string& policy,
                         std::int64_t restarts_max = 0);
    /// With the volumes that have no name. REQUIRES: it does not run.
    Result<> remove(const std::string& id);

  private:
    struct Answer {
        unsigned status = 0;
        std::string body;
        bool cut = false;
    };
    struct Question {
        std::string method = "GET";
        std::string target;
        std::string body{};
        std::string file{};
        std::chrono::milliseconds patience{};  ///< 0: that of the engine
        std::size_t cut_at = 0;                ///< a longer answer is cut there; 0: it is an error
    };
    Result<Answer> ask(const Question& question);
    /// ... and a status of 300 or above is an error with the engine's words.
    Result<Answer> demand(const Question& question);
    Result<> learn_api();

    std::string socket_;
    std::chrono::milliseconds patience_;
    std::optional<Version> version_;
    std::string api_;
};

/// Whether `container` carries the labels by which `spec` is known.
bool owned(const Container& container, const agent_api::ContainerSpec& spec);
/// "server 2 of other", "not zkprov's".
std::string owner_words(const Container& container);

}  // namespace zk::engine
