import math
import signal
import socket
import sys
from pathlib import Path

import pytest
import requests

from pacs_monitor.history.series import STALE
from tests.conftest import StartOrthanc, StartPrometheus, StartRawServer, StartStoreScp
from tests.peers.dcmtk import DcmQrScp, StoreScp, echoscu
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program
from tests.peers.prometheus import promtool_check_metrics
from tests.peers.raw import RawServer
from tests.peers.remote_write import remote_write


def test_orthanc_answers_an_echo_and_its_rest_api(orthanc: Orthanc) -> None:
    answer = echoscu(orthanc.dicom_port, called=orthanc.ae_title)
    assert answer.returncode == 0, answer.stdout
    assert orthanc.get("/system")["DicomAet"] == "ORTHANC"
    assert orthanc.get("/studies") == []


def test_orthanc_rejects_another_called_ae_title(orthanc: Orthanc) -> None:
    answer = echoscu(orthanc.dicom_port, called="WRONG")
    assert answer.returncode != 0
    assert "Called AE Title Not Recognized" in answer.stdout


def test_orthanc_knows_pacsmon_and_whom_a_test_registers(orthanc: Orthanc) -> None:
    orthanc.register("ELSEWHERE", 11112)
    assert orthanc.get("/modalities?expand")["pacsmon"]["Port"] == orthanc.pacsmon_port
    assert orthanc.get("/modalities?expand")["ELSEWHERE"]["Port"] == 11112


def test_orthanc_takes_the_settings_of_a_test(start_orthanc: StartOrthanc) -> None:
    orthanc = start_orthanc(DicomAet="ARCHIVE")
    assert echoscu(orthanc.dicom_port, called="ARCHIVE").returncode == 0


def test_orthanc_reaches_another_peer(orthanc: Orthanc, storescp: StoreScp) -> None:
    orthanc.register("STORESCP", storescp.port)
    assert orthanc.post("/modalities/STORESCP/echo", {}) == {}


def test_storescp_answers_an_echo(storescp: StoreScp) -> None:
    answer = echoscu(storescp.port)
    assert answer.returncode == 0, answer.stdout
    assert storescp.received() == []


def test_storescp_takes_the_options_of_a_test(start_storescp: StartStoreScp) -> None:
    answer = echoscu(start_storescp("--refuse").port)
    assert answer.returncode != 0
    assert "Association Rejected" in answer.stdout


def test_dcmqrscp_answers_an_echo(dcmqrscp: DcmQrScp) -> None:
    answer = echoscu(dcmqrscp.port, called=dcmqrscp.ae_title)
    assert answer.returncode == 0, answer.stdout


def test_prometheus_answers_a_query(prometheus: StartPrometheus) -> None:
    server = prometheus({"global": {"scrape_interval": "1s"}})
    assert server.query("1+1")[0]["value"][1] == "2"
    assert server.query("vector(3)")[0]["value"][1] == "3"


def test_prometheus_scrapes_what_its_config_names(prometheus: StartPrometheus) -> None:
    other = prometheus("scrape_configs: []")
    target = other.url.removeprefix("http://")
    scraper = prometheus(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        f"  - {{job_name: other, static_configs: [{{targets: ['{target}']}}]}}\n"
    )
    assert scraper.wait_for('up{job="other"} == 1')[0]["metric"]["instance"] == target


def test_what_prometheus_refuses_is_told_in_its_own_words(prometheus: StartPrometheus) -> None:
    with pytest.raises(requests.HTTPError, match="parse error"):
        prometheus("scrape_configs: []").query("1 +")


def test_prometheus_takes_samples_of_any_time_and_the_end_of_a_series(prometheus: StartPrometheus) -> None:
    server = prometheus("scrape_configs: []", "--web.enable-remote-write-receiver")
    samples = [(1_000_000, 1.5), (1_015_000, math.nan), (1_030_000, STALE), (1_045_000, -math.inf)]
    remote_write(server.url, [({"__name__": "x", "node": "ct-1"}, samples), ({"__name__": "y"}, [(1_000_000, 0.0)])])
    answers = {at: [sample["value"][1] for sample in server.query("x", time=str(at))] for at in (999, 1000, 1015, 1030)}
    assert answers == {999: [], 1000: ["1.5"], 1015: ["NaN"], 1030: []}
    assert server.query('x{node="ct-1"}', time="1045")[0]["value"] == [1045, "-Inf"]


def test_prometheus_takes_a_message_of_many_snappy_pieces(prometheus: StartPrometheus) -> None:
    server = prometheus("scrape_configs: []", "--web.enable-remote-write-receiver")
    remote_write(server.url, [({"__name__": "x", "i": str(i)}, [(t, 1.0) for t in range(200)]) for i in range(50)])
    assert server.query("sum(count_over_time(x[1m]))", time="1")[0]["value"][1] == "10000"


def test_promtool_has_nothing_to_say_of_good_metrics_and_a_word_for_bad_ones() -> None:
    good = "# HELP pacs_up It is up.\n# TYPE pacs_up gauge\npacs_up 1\n"
    assert promtool_check_metrics(good) == ""
    assert 'should have "_total" suffix' in promtool_check_metrics(good.replace("gauge", "counter"))
    assert promtool_check_metrics("pacs_up one\n") != ""


def test_a_raw_server_does_what_the_test_says(raw_server: StartRawServer) -> None:
    server = raw_server(lambda conn: conn.sendall(b"garbage"))
    with socket.create_connection((server.host, server.port), 5) as client:
        assert client.recv(100) == b"garbage"
        assert client.recv(100) == b""
    assert server.accepted == 1


def test_a_raw_server_that_waits_forever_ends_with_the_test(raw_server: StartRawServer) -> None:
    def wait(conn: socket.socket) -> None:
        conn.sendall(b"!")
        conn.recv(1)

    server = raw_server(wait)
    with socket.create_connection((server.host, server.port), 5) as client:
        assert client.recv(1) == b"!"
        server.close()
        assert client.recv(1) == b""


def test_a_mistake_in_a_raw_servers_behaviour_fails_the_test() -> None:
    def touch(server: RawServer) -> None:
        with server, socket.create_connection((server.host, server.port), 5) as client:
            assert client.recv(1) == b""

    with pytest.raises(ZeroDivisionError):
        touch(RawServer(lambda conn: 1 // 0))


_DEAF = """
import signal, socket, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(60)
"""


def test_a_server_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    port = free_port()
    argv = [sys.executable, "-c", _DEAF, str(port)]
    server = ServerProcess(argv, tmp_path / "log", ports=[port], grace=0.2)
    with server:
        assert server.returncode is None
    assert server.returncode == -signal.SIGKILL


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "raise SystemExit('no licence')"]
    with pytest.raises(AssertionError, match="no licence"):
        ServerProcess(argv, tmp_path / "log", ports=[free_port()]).start()


def test_a_missing_program_skips_the_test_but_fails_it_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such is not installed: install_peers could not"):
        program("no-such", "package")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such is not installed"):
        program("no-such", "package")
