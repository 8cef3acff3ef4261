#include "cli/options.h"

#include "base/numbers.h"
#include "cli/commands.h"

namespace zk::cli {
namespace {

Error wrong_option(const std::string& words) {
    return {Errc::invalid, words + "; see zkcli -help"};
}

Result<> read_timeout(Options& options, const std::string& text) {
    const auto number = parse_number<std::int32_t>(text);
    if (!number || *number < 1) {
        return wrong_option("-timeout \"" + text + "\": it has to be milliseconds, 1 or more");
    }
    options.timeout = std::chrono::milliseconds(*number);
    return ok();
}

}  // namespace

Result<Options> read_options(const std::vector<std::string>& words) {
    Options options;
    std::size_t at = 0;
    for (; at < words.size() && words[at].size() > 1 && words[at][0] == '-'; ++at) {
        const std::string name = words[at].substr(words[at].rfind("--", 0) == 0 ? 2 : 1);
        if (name == "help" || name == "h") {
            options.what = Options::What::help;
        } else if (name == "version") {
            options.what = Options::What::version;
        } else if (name == "r" || name == "readonly") {
            options.read_only = true;
        } else if (name == "waitforconnection") {
            options.wait_for_connection = true;
        } else if (name == "json") {
            options.json = true;
        } else if (name == "client-configuration") {
            return wrong_option("-client-configuration: TLS and SASL are not there yet");
        } else if (name == "server" || name == "timeout") {
            if (++at == words.size()) return wrong_option("-" + name + " needs a value");
            if (name == "server") {
                options.server = words[at];
            } else {
                ZK_CHECK(read_timeout(options, words[at]));
            }
        } else {
            return wrong_option("there is no option " + words[at]);
        }
    }
    options.command.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
    return options;
}

std::string options_help() {
    return R"(usage: zkcli [options] [command [words]]

Talks to a ZooKeeper ensemble as Apache's zkCli.sh does. Without a command it reads commands, from
the terminal with editing, history and completion by Tab, else from its input.

    -server HOST:PORT[,HOST:PORT...][/CHROOT]   the ensemble [localhost:2181]
    -timeout MS                                 of the session [30000]
    -r                                          a server without a quorum will do
    -waitforconnection                          wait that long for a server before all else
    --json                                      one JSON object in a line for each command
    -version, -help

Exit codes: 0, 1 the (last) command failed, 127 there is no such command.

)" + usage();
}

}  // namespace zk::cli
