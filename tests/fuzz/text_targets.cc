// What people write: configurations, addresses, ACLs, command lines of zkcli.
#include <optional>

#include "base/check.h"
#include "cli/acl_text.h"
#include "client/connect_string.h"
#include "data_users/command_lines.h"
#include "ensemble/ensemble_config.h"
#include "ensemble/properties.h"
#include "ensemble/zoo_cfg.h"
#include "targets.h"
#include "tree/path.h"

namespace zk::fuzz {
namespace {

/// What is taken can be rendered, and means the same when it is read again.
void run_zoo_cfg(ByteView bytes) {
    (void)data_users::directories_of(bytes);
    const auto config = ensemble::parse_zoo_cfg(bytes, "zoo.cfg");
    if (!config.has_value()) {
        ZK_ASSERT(!config.error().words.empty());
        return;
    }
    const std::string text = ensemble::render_zoo_cfg(*config);
    const auto again = ensemble::parse_zoo_cfg(text, "zoo.cfg");
    ZK_ASSERT(again.has_value());
    ZK_ASSERT(ensemble::render_zoo_cfg(*again) == text);
}

void run_dynamic_config(ByteView bytes) {
    const auto config = ensemble::parse_ensemble_config(bytes, "dynamic");
    if (!config.has_value()) return;
    const auto again = ensemble::parse_ensemble_config(to_string(*config), "dynamic");
    ZK_ASSERT(again.has_value() && *again == *config);
}

void run_myid(ByteView bytes) {
    const auto id = ensemble::parse_myid(bytes, "myid");
    if (id.has_value()) ZK_ASSERT(*ensemble::parse_myid(to_string(*id), "myid") == *id);
}

void run_connect_string(ByteView bytes) {
    const auto parsed = client::parse_connect_string(bytes);
    if (!parsed.has_value()) return;
    ZK_ASSERT(!parsed->servers.empty());
    std::string text;
    for (const client::ServerAddress& server : parsed->servers)
        text += (text.empty() ? "" : ",") + to_string(server);
    const auto again = client::parse_connect_string(text + parsed->chroot);
    ZK_ASSERT(again.has_value() && again->servers == parsed->servers &&
              again->chroot == parsed->chroot);
}

void run_acl(ByteView bytes) {
    const auto acl = cli::read_acl(bytes);
    if (!acl.has_value()) return;
    for (const jute::Acl& entry : *acl) (void)cli::perms_text(entry.perms);
}

std::vector<Bytes> zoo_cfg_samples() {
    return {
        "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/d\nclientPort=2181\n"
        "server.1=a:2888:3888\nserver.2=b:2888:3888;2181\nserver.3=[::1]:2888:3888\n",
        "# alone\ndataDir = /d\\\n  /e\nclientPort: 2181\n4lw.commands.whitelist=stat, ruok\n"
        "snapshot.compression.method=gz\nautopurge.purgeInterval=1\n"};
}
std::vector<Bytes> dynamic_samples() {
    return {
        "server.1=a:2888:3888:participant;0.0.0.0:2181\n"
        "server.2=b:2888:3888:observer;2181\nversion=100000000"};
}
std::vector<Bytes> myid_samples() { return {"1\n", "254"}; }
std::vector<Bytes> connect_samples() { return {"a:2181,[::1]:2182,b/chroot/x"}; }
std::vector<Bytes> acl_samples() { return {"world:anyone:cdrwa,digest:a:b=:r,ip:10.0.0.0/8:"}; }

}  // namespace

std::vector<Target> text_targets() {
    return {{"zoo_cfg", "zoo.cfg", run_zoo_cfg, zoo_cfg_samples},
            {"dynamic_config",
             "the configuration that servers exchange",
             run_dynamic_config,
             dynamic_samples},
            {"myid", "myid", run_myid, myid_samples},
            {"connect_string",
             "where a client is told to connect",
             run_connect_string,
             connect_samples},
            {"acl_text", "an ACL as zkcli takes it", run_acl, acl_samples}};
}

}  // namespace zk::fuzz
