// Carries out the commands that ask a server. Shell: blocks until the answers are there.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/quotas.h"
#include "client/session.h"
#include "zkcli/loop.h"
#include "zkcli/outcome.h"

namespace zk::zkcli {

class Runner {
  public:
    Runner(Loop& loop, client::Session& session) : loop_(loop), zk_(session) {}
    /// REQUIRES: the command needs a session. A Runner is for one command.
    Outcome run(const cli::Command& command);
    /// For completion: none when it cannot be said at once.
    std::vector<std::string> children(const std::string& path);

  private:
    void create();
    void get();
    void set();
    void list();
    void list_all(const std::string& path, client::Watch watch);
    void stat();
    void remove();
    void remove_all();
    bool remove_batch(const std::vector<std::string>& paths);
    void get_acl();
    void set_acl();
    void set_acl_of(const std::string& path, const jute::AclList& acl, std::int32_t version);
    void add_auth();
    void add_watch();
    void remove_watches();
    void sync();
    void count_all();
    void ephemerals();
    void who_am_i();
    void config();
    void reconfig();
    void set_quota();
    void list_quota();
    void remove_quota();

    // Each says whether it is well, and puts the reason into the outcome when not.
    template <class T>
    bool good(const Result<client::Reply<T>>& answer, const std::string& path) {
        if (!answer.has_value()) return fail(answer.error(), path);
        return answer->ok() || refused(answer->error, path);
    }
    bool refused(ErrorCode error, const std::string& path);
    bool path_is_good(const std::string& path, bool sequential = false);
    bool fail(const Error& error, const std::string& path);
    /// -v, or the deprecated operand behind the path of delete.
    bool read_version(std::int32_t& version);
    void deprecated(const std::string& old_form, const std::string& new_form);
    [[nodiscard]] client::Watch watch_asked();
    void put_stat(const jute::Stat& stat);
    void put_config(const client::NodeData& node);

    bool walk(const std::string& path, std::vector<std::string>& found);
    bool read_members(const std::string& file, std::string& members);
    /// What a quota node holds; nothing when there is none.
    bool quota_node(const std::string& path, std::optional<std::string>& text);
    bool make_parents(const std::string& path);
    bool quota_is_alone(const std::string& path);
    bool write_limits(const std::string& path, const jute::QuotaText& wanted);
    void trim_quota(std::string path);

    template <class T>
    T call(boost::asio::awaitable<T> work) {
        return loop_.run(std::move(work));
    }

    Loop& loop_;
    client::Session& zk_;
    const cli::Command* command_ = nullptr;
    Outcome outcome_;
};

/// "Sun Nov 29 19:00:07 UTC 2026", in the local time zone.
std::string local_time_text(WallMs at);

}  // namespace zk::zkcli
