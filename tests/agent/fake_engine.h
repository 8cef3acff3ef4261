// A Docker engine for tests: the part of its API that zkprov speaks, as HTTP on a unix socket. It keeps containers,
// networks and images as values and starts no process.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace zk::engine {

/// A message as its logging driver keeps it: a line with its end, or a part of a long one.
struct FakeMessage {
    std::int64_t at_ns = 0;
    std::string text;
    char stream = 1;
};

struct FakeContainer {
    std::string id;
    std::string image_id;
    std::string body;  ///< it was made from; as JSON
    std::string status = "created";
    std::int64_t exit_code = 0;
    std::vector<FakeMessage> logged{};
    std::vector<std::string> sources{};  ///< of its volumes, as the list of containers tells them
    /// The whole answer, as JSON, with @NAME@ for its name; empty: made of `body`.
    std::string inspected{};
    std::string updated{};  ///< the body of the last update
};

class FakeEngine {
  public:
    FakeEngine();
    ~FakeEngine();
    FakeEngine(const FakeEngine&) = delete;
    FakeEngine& operator=(const FakeEngine&) = delete;

    [[nodiscard]] std::string socket() const { return directory_ + "/docker.sock"; }
    [[nodiscard]] const std::string& directory() const { return directory_; }

    /// What is asked holds this, and what a test sets beside a call.
    std::mutex mutex;
    std::string api = "1.41";
    std::string api_least = "1.12";
    std::map<std::string, std::string> images;  ///< by name: ids
    std::map<std::string, FakeContainer> containers;
    std::map<std::string, std::string> networks;  ///< by name: bodies
    std::string network_user;                     ///< of all networks; empty: nobody uses them
    std::string refuses_create;                   ///< words; empty: it does not
    bool ends_at_once = false;                    ///< whatever zkprov made and starts
    std::string load_error;
    std::string log_error;                     ///< words; empty: logs can be read
    std::map<std::string, std::string> loads;  ///< what an archive brings: names, ids
    std::vector<std::string> asked;            ///< "POST /v1.41/containers/x/start"

  private:
    struct Loop;
    struct Answer {
        unsigned status = 200;
        std::string body;
    };
    void serve();
    Answer answer(const std::string& method, const std::string& target, const std::string& body);
    Answer about_containers(const std::string& method,
                            std::string path,
                            const std::string& query,
                            const std::string& body);
    [[nodiscard]] Answer list() const;
    Answer create(const std::string& name, const std::string& body);
    FakeContainer* find(const std::string& word);

    std::string directory_;
    std::unique_ptr<Loop> loop_;
    std::thread thread_;
    int next_id_ = 0;
};

}  // namespace zk::engine
